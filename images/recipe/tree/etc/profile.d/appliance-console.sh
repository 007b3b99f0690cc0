# shellcheck shell=sh
# Logins of the appliance's people on the machine's own screen or serial line begin in the console.
# root, SSH and accounts of nobody's group keep their shell. Read by login shells: POSIX sh.
appliance_console() {
    case $- in *i*) ;; *) return 0 ;; esac
    [ "$(id -u)" -ne 0 ] || return 0
    case $(tty) in /dev/tty[0-9]* | /dev/ttyS* | /dev/hvc*) ;; *) return 0 ;; esac
    appliance_groups=" $(id -nG) "
    case $appliance_groups in *" appliance-"*) ;; *) return 0 ;; esac
    appliance-tui --idle 15
    appliance_status=$?
    # 124: nobody was there any more. Nothing must be left open then, least of all a shell.
    [ "$appliance_status" -ne 124 ] || exit 0
    # The login of a new machine is for setting it up, no more.
    [ "$(id -un)" != setup ] || exit "$appliance_status"
    case $appliance_groups in
    *" appliance-admin "*) echo "This is a shell. appliance-tui is the console again, exit logs out." ;;
    *) exit "$appliance_status" ;;
    esac
}
appliance_console
unset -f appliance_console
unset appliance_groups appliance_status
