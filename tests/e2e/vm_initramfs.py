"""Makes the initramfs of vm_guest_test: vm_initramfs.py PACKAGES INIT OUTPUT PROGRAM...

PACKAGES is where deploy/setup.sh unpacked Debian's kernel and guest agent. What goes
in: busybox; the agent, script and setpriv with their libraries; the modules that the
virtual machine's devices take; INIT as /init, and each PROGRAM in /bin.
"""

import glob
import os
import re
import subprocess
import sys

MODULES = ('virtio_ring virtio failover net_failover virtio_net virtio_console virtio_pci_modern_dev '
           'virtio_pci_legacy_dev virtio_pci virtio_blk').split()
# Of this machine: what gives a program its terminal and its user, which busybox's do not.
TOOLS = ('/usr/bin/script', '/usr/bin/setpriv')


class Archive:
  """cpio of the "newc" kind (Linux, Documentation/driver-api/early-userspace/buffer-format.rst)."""

  def __init__(self, path):
    self.file = open(path, 'wb')
    self.directories = set()
    self.inode = 0

  def add(self, name, mode, data=b''):
    self.inode += 1
    fields = [self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    header = b'070701' + b''.join(b'%08X' % field for field in fields) + name.encode() + b'\0'
    for part in (header, data):
      self.file.write(part + b'\0' * (-len(part) % 4))

  def add_file(self, name, source):
    parent = ''
    for part in name.split('/')[:-1]:
      parent = f'{parent}/{part}'.lstrip('/')
      if parent not in self.directories:
        self.directories.add(parent)
        self.add(parent, 0o040755)
    with open(source, 'rb') as file:
      self.add(name, 0o100755, file.read())

  def close(self):
    self.add('TRAILER!!!', 0)
    self.file.close()


def libraries(program):
  listing = subprocess.run(['ldd', program], capture_output=True, text=True, check=True).stdout
  return re.findall(r'(/\S+) \(', listing)


def main():
  packages, init, output, *programs = sys.argv[1:]
  archive = Archive(output)
  archive.add_file('init', init)
  archive.add_file('bin/busybox', '/bin/busybox')
  agent = f'{packages}/usr/sbin/qemu-ga'
  archive.add_file('usr/sbin/qemu-ga', agent)
  for tool in TOOLS:
    archive.add_file(f'bin/{os.path.basename(tool)}', tool)
  for library in sorted({library for program in (agent, *TOOLS) for library in libraries(program)}):
    archive.add_file(library.lstrip('/'), library)
  for module in MODULES:
    archive.add_file(f'modules/{module}.ko', glob.glob(f'{packages}/lib/modules/*/kernel/**/{module}.ko', recursive=True)[0])
  for program in programs:
    archive.add_file(f'bin/{os.path.basename(program)}', program)
  archive.close()


main()
