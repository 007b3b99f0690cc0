#!/bin/bash
# mmdebstrap customize hook: everything in the root file system that needs apt or pip.
# usage: root-hook.sh ROOT; the wheels of the locked Python dependencies lie in ROOT/opt/wheels
set -euo pipefail
root=$1
export DEBIAN_FRONTEND=noninteractive

# Before the kernel comes and its initrd is made.
install -D -m 755 "$(dirname "$0")/local-block.sh" \
    "$root/etc/initramfs-tools/scripts/local-block/appliance-root"
chroot "$root" apt-get install -y -q -t trixie-backports linux-image-amd64
kernel=$(basename "$root"/lib/modules/*)

# The demo's guest boots Debian's cloud kernel: unpacked, not installed, so that it never becomes ours.
mkdir -p "$root/var/tmp/cloud/partial" "$root/usr/lib/appliance/guest"
chroot "$root" apt-get install -y -q --download-only -o Dir::Cache::archives=/var/tmp/cloud \
    -t trixie-backports linux-image-cloud-amd64
for deb in "$root"/var/tmp/cloud/*.deb; do
    chroot "$root" dpkg-deb -x "${deb#"$root"}" /var/tmp/cloud
done
find "$root/var/tmp/cloud" -type f -name 'vmlinuz*' -exec cp {} "$root/usr/lib/appliance/guest/vmlinuz" \;
test -s "$root/usr/lib/appliance/guest/vmlinuz" || { find "$root/var/tmp/cloud" | grep -v '/modules/.*/kernel/'; exit 1; }
for name in virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
    find "$root/var/tmp/cloud" -name "$name.ko*" -exec cp {} "$root/usr/lib/appliance/guest/" \;
done
rm -rf "$root/var/tmp/cloud"

# An installed system starts the kernel that was copied to its EFI partitions, which apt does not
# renew: its modules must not go from under it.
chroot "$root" apt-mark hold linux-image-amd64 "linux-image-$kernel" >/dev/null

# A small initrd that only finds a virtio root: half of the lab's boot time is saved by it.
conf=$root/var/tmp/initramfs
cp -r "$root/etc/initramfs-tools" "$conf"
printf 'MODULES=list\nCOMPRESS=cat\n' >"$conf/conf.d/appliance"
printf 'virtio_pci\nvirtio_blk\next4\n' >"$conf/modules"
chroot "$root" mkinitramfs -d /var/tmp/initramfs -o /boot/initrd-lab "$kernel"
rm -rf "$conf"

# One signed-able file for UEFI: kernel, initrd and command line together.
printf 'root=LABEL=approot ro console=tty0 console=ttyS0 quiet panic=10\n' >"$root/var/tmp/cmdline"
chroot "$root" ukify build --linux="/boot/vmlinuz-$kernel" --initrd="/boot/initrd.img-$kernel" \
    --cmdline=@/var/tmp/cmdline --os-release=@/etc/os-release --uname="$kernel" \
    --output=/boot/appliance.efi
rm "$root/var/tmp/cmdline"

# Debian's libvirt and rtslib are C bound to its libraries: the environment sees the system's packages.
chroot "$root" python3 -m venv --system-site-packages /opt/appliance/venv
# pip obeys the host's PIP_* variables and files, which name paths that do not exist in here
chroot "$root" env -i PATH=/usr/sbin:/usr/bin HOME=/root PIP_CONFIG_FILE=/dev/null \
    /opt/appliance/venv/bin/pip install -q --no-index --find-links /opt/wheels -r /opt/wheels/install.txt
rm -rf "$root/opt/wheels"
