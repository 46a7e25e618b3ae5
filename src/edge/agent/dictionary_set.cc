#include "edge/agent/dictionary_set.h"

#include "base/core/assert.h"

namespace dragonfly {
namespace {
// Tag and two lengths of the section of devices.
constexpr size_t kSectionBytes = 6;
}  // namespace

DictionarySet::DictionarySet(Dictionary base) : base_(std::move(base)), base_bytes_(base_.encode().size()) {
  DF_ASSERT(base_.devices.empty());
  slices_.push_back({0, base_, nullptr});
  encode(slices_.front());
}

void DictionarySet::encode(Slice& slice) {
  auto made = std::make_shared<SentDictionary>();
  made->encoded = slice.content.encode();
  made->id = dictionary_id(made->encoded);
  slice.dictionary = std::move(made);
}

void DictionarySet::set_base(Dictionary base) {
  DF_ASSERT(base.devices.empty());
  base_ = std::move(base);
  base_bytes_ = base_.encode().size();
  for (Slice& slice : slices_) {
    std::vector<std::string> devices = std::move(slice.content.devices);
    slice.content = base_;
    slice.content.devices = std::move(devices);
    encode(slice);
  }
}

void DictionarySet::set_devices(std::span<const std::string> names) {
  if (names.size() <= devices_) return;
  size_t bytes = base_bytes_ + kSectionBytes;
  for (const std::string& name : slices_.back().content.devices) bytes += name.size() + 1;
  bool changed = false;
  for (; devices_ < names.size(); ++devices_) {
    const size_t more = names[devices_].size() + 1;
    if (bytes + more > kDictionaryBytesSoft && !slices_.back().content.devices.empty()) {
      if (changed) encode(slices_.back());
      slices_.push_back({devices_, base_, nullptr});
      bytes = base_bytes_ + kSectionBytes;
    }
    slices_.back().content.devices.push_back(names[devices_]);
    bytes += more;
    changed = true;
  }
  encode(slices_.back());
}

DictionarySet::Place DictionarySet::place_of(uint32_t device) const {
  if (device == 0) return {0, 0};
  const size_t position = device - 1;
  size_t slice = slices_.size() - 1;
  while (slice > 0 && slices_[slice].first_device > position) --slice;
  return {slice, static_cast<uint32_t>(position - slices_[slice].first_device + 1)};
}

}  // namespace dragonfly
