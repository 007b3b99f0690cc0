#!/bin/bash
# Configure the unpacked root: our wheel, the units, the lab's own settings. Needs no network.
# usage: configure.sh ROOT lab|product; ROOT/opt/wheels holds our wheel, units.txt (the units the
# kinds start on demand, one a line) and, for a lab, lab.pub
set -euo pipefail
root=$1 flavour=$2
in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PIP_CONFIG_FILE=/dev/null "$@"; }
units() { # units VERB NAME...: one the image does not have is passed over
    local verb=$1 name
    shift
    for name in "$@"; do
        if [[ -e $root/usr/lib/systemd/system/$name || -e $root/etc/systemd/system/$name ]]; then
            in_root systemctl "$verb" --quiet "$name"
        fi
    done
}

wheel=$(find "$root/opt/wheels" -name '*.whl' -printf '/opt/wheels/%f\n')
in_root /opt/appliance/venv/bin/pip install --quiet --no-index --no-deps --no-compile "$wheel"
in_root /opt/appliance/venv/bin/python -m compileall -q /opt/appliance/venv/lib
rm -rf "$root"/opt/appliance/venv/bin/appliance-lab "$root"/opt/appliance/venv/lib/python3.*/site-packages/images
for name in appliance appliance-agent appliance-tui; do
    ln -sf "/opt/appliance/venv/bin/$name" "$root/usr/local/bin/$name"
done

in_root systemd-sysusers /usr/lib/sysusers.d/appliance.conf
# systemctl runs Perl for an init script of old each time its unit is enabled or disabled, though the
# unit alone counts.
for script in "$root"/etc/init.d/*; do
    if [[ -e $root/usr/lib/systemd/system/$(basename "$script" .sh).service ]]; then
        rm "$script"
    fi
done
find "$root"/etc/rc?.d -xtype l -delete
units enable systemd-networkd.service systemd-resolved.service ssh.service nftables.service \
    appliance-agent.service appliance-open-devices.service \
    appliance-targets.service appliance-host-keys.service appliance-network-revert.service \
    appliance-banner.timer
in_root systemctl enable --quiet serial-getty@ttyS0.service

# Started when a share, LUN or guest needs them, not before: what the kinds name, and what starts
# beside it.
mapfile -t on_demand <"$root/opt/wheels/units.txt"
units disable "${on_demand[@]}" smbd.service nmbd.service winbind.service samba-ad-dc.service nfs-server.service \
    libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirt-guests.service \
    virtlogd.service virtlogd.socket virtlogd-admin.socket virtlockd.service virtlockd.socket \
    virtlockd-admin.socket rtslib-fb-targetctl.service targetclid.socket
# The agent watches disks itself; SMB and NFSv4 need no rpcbind; nothing here resumes or sleeps.
units disable smartmontools.service nvmefc-boot-connections.service nvmf-autoconnect.service \
    nfs-blkmap.service rpcbind.service rpcbind.socket fsidd.service blk-availability.service \
    uuidd.socket systemd-pstore.service xfs_scrub_all.timer e2scrub_all.timer man-db.timer \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer
units mask rpcbind.service rpcbind.socket systemd-networkd-wait-online.service e2scrub_reap.service \
    openipmi.service ledmon.service

# A new machine is set up on its own screen by this login; the first administrator closes it.
in_root useradd --system --user-group --create-home --home-dir /var/lib/appliance/home/setup \
    --shell /bin/bash --groups appliance-admin --comment 'first boot' setup
if [[ $flavour == product ]]; then
    in_root passwd --quiet --delete setup
fi

rm -f "$root"/etc/ssh/ssh_host_* "$root"/etc/nvme/host{nqn,id}
if [[ $flavour == lab ]]; then
    # Made here: ssh-keygen costs seconds under emulation, and tests pin one known key.
    in_root ssh-keygen -A >/dev/null
    units disable chrony.service fstrim.timer logrotate.timer systemd-timesyncd.service
    # A login would start a user manager (11 s of CPU under emulation).
    in_root pam-auth-update --package --remove systemd
    units mask user@.service
    install -d -m 700 "$root/root/.ssh"
    install -m 600 "$root/opt/wheels/lab.pub" "$root/root/.ssh/authorized_keys"
    for role in admin technician auditor viewer; do
        in_root useradd --create-home --shell /bin/bash --groups "appliance-$role" "lab-$role"
        install -d -m 700 "$root/home/lab-$role/.ssh"
        install -m 600 "$root/opt/wheels/lab.pub" "$root/home/lab-$role/.ssh/authorized_keys"
        in_root chown -R "lab-$role:lab-$role" "/home/lab-$role/.ssh"
    done
fi
in_root systemctl --root=/ is-enabled ssh.service >/dev/null
touch "$root/etc/.updated" "$root/var/.updated" # no ldconfig, sysusers, hwdb run at the first boot
