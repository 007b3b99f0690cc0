#!/bin/sh
# Goes into the initrd, as scripts/local-block/appliance-root; initramfs-tools(7) has it called about
# once a second while the root is not there yet, and gives up 30 s after `starttime`.
# udev activates a volume group once all its disks are there (69-lvm.rules). The mirror of an
# installed system must start with one disk as well: the other is waited for, but not for ever.
[ "${1:-}" != prereqs ] || exit 0
case ${ROOT:-} in /dev/mapper/approot_*-root) ;; *) exit 0 ;; esac
read -r now _ </proc/uptime
[ "$((${now%%.*} - ${starttime:-0}))" -ge 15 ] || exit 0
group=${ROOT#/dev/mapper/}
echo "The root is not there yet: starting it without what is missing."
lvm vgchange --sysinit --activate y --activationmode degraded "${group%-root}"
