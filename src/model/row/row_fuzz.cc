// Row blocks, fields and dictionaries. The first byte chooses; what is accepted must come back the same.
#include "base/core/assert.h"
#include "model/row/column_set.h"
#include "model/row/dictionary.h"
#include "model/row/row.h"

namespace dragonfly {
namespace {

void check_fields(GroupId group, ByteView fields) {
  FieldsReader reader(fields);
  std::vector<std::optional<Value>> values(reader.count());
  while (const auto field = reader.next()) values.at(field->index) = field->value;
  ColumnSet set = is_catalogue_group(group) ? ColumnSet::for_group(group) : ColumnSet();
  DF_ASSERT(set.append_row(Timestamp{}, 0, fields) == reader.ok());
  DF_ASSERT(set.rows() == (reader.ok() ? 1u : 0u));
  if (!reader.ok()) {
    DF_ASSERT(!fields_are_valid(group, fields));
    return;
  }
  Bytes again;
  ByteWriter writer(again);
  encode_fields(writer, values);
  FieldsReader second(again);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    const auto field = second.next();
    DF_ASSERT(field && field->index == i && convert(field->value, values[i]->type) == values[i]);
  }
  DF_ASSERT(!second.next() && second.ok());
  DF_ASSERT(fields_are_valid(group, fields) == fields_are_valid(group, again));
}

void check_block(ByteView block) {
  RowBlockReader reader(block);
  Bytes again;
  RowBlockWriter writer(again, RowBlockWriter::Unit::kNanoseconds, Timestamp{});
  std::vector<Timestamp> times;
  while (const auto row = reader.next()) {
    if (!fields_are_valid(row->group, row->fields)) return;
    writer.add(row->group, row->device, row->time, row->fields);
    times.push_back(row->time);
  }
  RowBlockReader second(again);
  for (const Timestamp time : times) {
    const auto row = second.next();
    DF_ASSERT(row && row->time == time);
  }
  DF_ASSERT(!second.next() && second.ok());
}

void check_dictionary(ByteView bytes) {
  const auto dictionary = Dictionary::decode(bytes);
  if (!dictionary) return;
  const Bytes again = dictionary->encode();
  const auto second = Dictionary::decode(again);
  DF_ASSERT(second && second->encode() == again);
}

}  // namespace
}  // namespace dragonfly

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  switch (data[0] % 8) {
    case 0: check_block(rest); break;
    case 1: check_dictionary(rest); break;
    case 2: check_fields(GroupId{kFirstCustomGroup}, rest); break;
    default: check_fields(GroupId{data[0] % 8u - 2u}, rest); break;
  }
  return 0;
}
