#include "tests/virtual/commands.h"
#include "tests/virtual/ctap.h"

namespace fob::virt {

bool option(const Value* options, std::string_view name, bool fallback) {
  const Value* found = options != nullptr ? options->find(name) : nullptr;
  return found != nullptr ? found->boolean() : fallback;
}

void answer_probe(Context& context, const Value& request, std::int64_t mac_key) {
  const Value* mac = request.find(mac_key);
  if (mac == nullptr || !mac->bytes().empty()) return;
  context.require_touch();
  throw CtapError{context.pin.is_set() ? Code::pin_invalid : Code::pin_not_set};
}

std::vector<Bytes> handles(const Context& context, const Value* list) {
  std::vector<Bytes> out;
  if (list == nullptr) return out;
  if (list->array().size() > context.personality.max_list) throw CtapError{Code::limit_exceeded};
  for (const Value& entry : list->array()) {
    if (entry.at("type").text() == "public-key") out.push_back(entry.at("id").bytes());
  }
  return out;
}

Bytes data_head(ByteView rp_hash, unsigned flags, std::uint32_t counter) {
  const Bytes tail{static_cast<std::uint8_t>(flags), static_cast<std::uint8_t>(counter >> 24),
                   static_cast<std::uint8_t>(counter >> 16), static_cast<std::uint8_t>(counter >> 8),
                   static_cast<std::uint8_t>(counter)};
  return concat({rp_hash, tail});
}

}  // namespace fob::virt
