#include "edge/probe/linux/filesystem.h"

#include "edge/probe/linux/fixture.h"

namespace dragonfly::linux_probe {
namespace {

// Collects once from these mounts and numbers and says which mount points were asked.
std::vector<std::string> f(const std::string& mounts, const std::string& sizes, const char* total, const char* used,
                           const char* free, const char* utilization) {
  SCOPED_TRACE(mounts);
  Tree tree;
  tree.write("proc/self/mounts", mounts);
  tree.write("statvfs", sizes);
  std::vector<Row> rows;
  ProbeSet(tree.options()).collect(from_unix_ms(0), at_seconds(0), false, rows);
  expect_metric(rows, "disk_total", total);
  expect_metric(rows, "disk_used", used);
  expect_metric(rows, "disk_free", free);
  expect_metric(rows, "disk_utilization", utilization);
  return tree.asked;
}
using Asked = std::vector<std::string>;

TEST(FileSystem, OnlyLocalTypesAreAsked) {
  const auto asked =
      f("/dev/a / ext4 rw 0 0\nproc /proc proc rw 0 0\ntmpfs /run tmpfs rw 0 0\nfiler:/x /x nfs4 rw 0 0\n"
        "//s/y /y cifs rw 0 0\ns3fs /z fuse.s3fs rw 0 0\n/dev/b /b btrfs rw 0 0\n/dev/c /efi vfat rw 0 0\n"
        "/dev/sr0 /cd iso9660 ro 0 0\n/dev/loop1 /snap squashfs ro 0 0\n/dev/loop2 /image ext4 rw 0 0\n",
        "/ 100 20 60\n/b 1000 100 900\n/efi 10 0 10\n", "1110", "120", "970", "11.01");
  EXPECT_EQ(asked, (Asked{"/", "/b", "/efi"}));
}

TEST(FileSystem, ADeviceCountsOnce) {
  const auto asked = f("/dev/a / ext4 rw 0 0\n/dev/a /bind ext4 rw 0 0\n/dev/b /b xfs rw 0 0\n/dev/b /c xfs rw 0 0\n",
                       "/ 100 20 60\n/bind 100 20 60\n/b 10 1 9\n/c 10 1 9\n", "110", "21", "69", "23.33");
  EXPECT_EQ(asked, (Asked{"/", "/b"}));
}

TEST(FileSystem, AHungServerIsNeverTouched) {
  // Mounted over a local one, below which the local one cannot be reached; under it; and beside it.
  const auto asked =
      f("/dev/a / ext4 rw 0 0\n/dev/b /mnt ext4 rw 0 0\n/dev/c /srv/deep ext4 rw 0 0\nfiler:/x /mnt nfs rw 0 0\n"
        "filer:/y /srv nfs rw 0 0\nfiler:/z /home nfs rw 0 0\n/dev/d /home/local ext4 rw 0 0\n/dev/e /homestead ext4 "
        "rw 0 0\n",
        "/ 100 50 50\n/homestead 100 0 100\n", "200", "50", "150", "25");
  EXPECT_EQ(asked, (Asked{"/", "/homestead"}));
}

TEST(FileSystem, TheLastMountOnAPlaceIsTheOneThatShows) {
  const auto asked =
      f("rootfs / rootfs rw 0 0\n/dev/old / ext4 rw 0 0\n/dev/usr /usr ext4 rw 0 0\n/dev/new / ext4 rw 0 0\n"
        "/dev/data /data ext4 rw 0 0\n/dev/more /data xfs rw 0 0\n",
        "/ 100 50 50\n/usr 10 10 0\n/data 40 0 40\n", "150", "60", "90", "40");
  EXPECT_EQ(asked, (Asked{"/", "/usr", "/data"}));
}

TEST(FileSystem, AnOverlayCountsOnlyAsTheRoot) {
  // The file system under a container's root shows the same size; a volume of another size is a device of its own.
  const char* mounts =
      "/dev/vda1 /etc/hosts ext4 rw 0 0\noverlay / overlay rw 0 0\n/dev/vda1 /etc/hostname ext4 rw 0 0\n"
      "/dev/vdb /data ext4 rw 0 0\n";
  f(mounts, "/ 102400 100 102300\n/etc/hosts 102400 140 102260\n/etc/hostname 102400 140 102260\n/data 1000 100 900\n",
    "103400", "200", "103200", "0.19");
  // As large, but not as full: not the same.
  f(mounts, "/ 1024 100 924\n/etc/hosts 1024 500 524\n/data 1000 100 900\n", "3048", "700", "2348", "22.97");
  const auto asked = f("/dev/a / ext4 rw 0 0\noverlay /var/lib/c/merged overlay rw 0 0\n",
                       "/ 100 50 50\n/var/lib/c/merged 100 50 50\n", "100", "50", "50", "50");
  EXPECT_EQ(asked, Asked{"/"});
}

TEST(FileSystem, DataSetsOfAPoolShareItsFreeSpace) {
  f("tank/root / zfs rw 0 0\ntank/home /home zfs rw 0 0\ntank/quota /q zfs rw 0 0\nfast /fast zfs rw 0 0\n",
    "/ 1100 100 1000\n/home 1200 200 1000\n/q 60 10 50\n/fast 80 30 50\n", "1390", "340", "1050", "24.46");
}

TEST(FileSystem, NamesAreUnescaped) {
  const auto unescape = [](const char* text, const char* expected) {
    std::string out;
    append_unescaped(text, out);
    EXPECT_EQ(out, expected) << text;
  };
  unescape("/a\\040b", "/a b");
  unescape("/a\\134040", "/a\\040");
  unescape("/a\\011", "/a\t");
  unescape("/a\\04", "/a\\04");
  unescape("/a\\999", "/a\\999");
  unescape("\\", "\\");
  f("/dev/a /my\\040disk ext4 rw 0 0\n", "/my disk 100 50 50\n", "100", "50", "50", "50");
}

TEST(FileSystem, WhatCannotBeAskedIsLeftOut) {
  f("/dev/a / ext4 rw 0 0\n/dev/b /gone ext4 rw 0 0\n/dev/c /empty ext4 rw 0 0\nbad line\n\n/dev/x\n",
    "/ 100 25 75\n/empty 0 0 0\n", "100", "25", "75", "25");
  f("/dev/a / ext4 rw 0 0\n", "", "-", "-", "-", "-");
  f("", "", "-", "-", "-", "-");
  // Full, and nothing left for ordinary users.
  f("/dev/a / ext4 rw 0 0\n", "/ 100 100 0\n", "100", "100", "0", "100");
}

TEST(FileSystem, TheSystemTellsTheRoots) {
  const auto size = system_file_system_size("/");
  ASSERT_TRUE(size.has_value());
  EXPECT_GT(size->total, 0u);
  EXPECT_GE(size->total, size->used);
  EXPECT_FALSE(system_file_system_size("/no/such/folder").has_value());
}

}  // namespace
}  // namespace dragonfly::linux_probe
