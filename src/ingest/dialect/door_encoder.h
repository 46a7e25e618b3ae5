// Door encoder: the last step of a dialect: names become what the directory knows, rows become blocks for the log.
//
// Units      blocks in ms where every time is whole ms, else in ns.
// Ownership  parts share the directory's entries and own their blocks.
// Threading  any thread; the directory locks shortly.
// Errors     what the directory refuses (a limit, a field that changes its type) goes to the batch's errors with the
// line's
//            number, and the other rows are encoded.
// Limits     kDoorBlockBytes a block, then a new part begins.
#pragma once

#include <memory>
#include <vector>

#include "ingest/dialect/door_batch.h"
#include "model/flow/directory.h"

namespace dragonfly {

inline constexpr size_t kDoorBlockBytes = 1u << 20;

// Rows of one VM that are ready for the log: of catalogue groups, or of one custom measurement.
struct DoorPart {
  VmEntry* vm = nullptr;
  std::shared_ptr<const KnownDictionary> dictionary;
  std::shared_ptr<const Measurement> measurement;  // Null for catalogue groups.
  Bytes row_block;
  uint64_t rows = 0;
};

std::vector<DoorPart> encode_door_batch(DoorBatch& batch, std::string_view unit, Directory& directory);

}  // namespace dragonfly
