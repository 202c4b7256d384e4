#!/bin/busybox sh
# The first process of the virtual machine of vm_guest_test. It takes its network
# from DHCP and from router advertisements, serves a page, and runs the agent unless
# "noagent" is among the kernel's arguments; with "poweroff" it ends at once.
/bin/busybox mkdir -p /proc /sys /dev /etc /run /tmp /var/run /www
/bin/busybox --install -s /bin
export PATH=/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
printf '%s\n' root:x:0:0::/:/bin/sh guest:x:1001:101::/:/bin/sh >/etc/passwd
for module in virtio_ring virtio failover net_failover virtio_net virtio_console \
  virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
  insmod "/modules/$module.ko"
done
grep -qw poweroff /proc/cmdline && poweroff -f

ip link set lo up
ip link set eth0 up
cat >/bin/on_lease <<'LEASE'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev eth0
ip route add default via "$router"
echo "nameserver $dns" >/etc/resolv.conf
LEASE
chmod 755 /bin/on_lease
echo "hello from the machine" >/www/index.html
httpd -p 80 -h /www
# What "fetch=URL" among the arguments names is served too.
{
  udhcpc -i eth0 -s /bin/on_lease -q -t 100 -T 1
  url=$(sed -n 's/.*fetch=\([^ ]*\).*/\1/p' /proc/cmdline)
  [ -z "$url" ] || wget -q -O /www/fetched "$url"
} &

# Without udev the agent's port has no link by its name.
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do
  ln -s "/dev/${port##*/}" "/dev/virtio-ports/$(cat "$port/name")"
done
grep -qw noagent /proc/cmdline ||
  qemu-ga --path=/dev/virtio-ports/org.qemu.guest_agent.0 &
while :; do sleep 1000; done
