// DictionarySet: the dictionaries of one agent, each small enough to travel inside a frame beside rows.
//
// A machine with many disks and interfaces has more names than a frame holds. So the devices are dealt out, in the
// order of their indices, to several dictionaries with the same labels; a frame names the one of its rows. The first
// also serves the rows of the VM itself.
//
// Units      bytes.
// Ownership  shares its dictionaries with the buffered rows that refer to them.
// Threading  one thread.
// Errors     none: identity.h keeps the labels small enough.
// Limits     kDictionaryBytesSoft is passed only by labels that are longer, and by one device then.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/row/dictionary.h"

namespace dragonfly {

struct SentDictionary {
  DictionaryId id = 0;
  Bytes encoded;
  bool known = false;  // The server acknowledged rows that carried it.
};

class DictionarySet {
 public:
  static constexpr size_t kDictionaryBytesSoft = 512;
  // `base` has no devices.
  explicit DictionarySet(Dictionary base);

  // All device names seen so far, in index order; those known before are unchanged.
  void set_devices(std::span<const std::string> names);

  // Other labels for the rows to come; the devices stay where they are.
  void set_base(Dictionary base);

  size_t size() const { return slices_.size(); }
  const std::shared_ptr<SentDictionary>& operator[](size_t slice) const { return slices_[slice].dictionary; }
  // Which dictionary names the device, and under which index; device 0 is in the first under 0.
  struct Place {
    size_t slice;
    uint32_t device;
  };
  Place place_of(uint32_t device) const;

 private:
  struct Slice {
    size_t first_device;  // Position from 0 of its first name.
    Dictionary content;
    std::shared_ptr<SentDictionary> dictionary;
  };
  void encode(Slice& slice);
  Dictionary base_;
  size_t base_bytes_ = 0;
  size_t devices_ = 0;
  std::vector<Slice> slices_;
};

}  // namespace dragonfly
