#include "protocol/control_activity.h"

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob::control {
namespace {

std::string read_sentence(Reader& in) { return std::string(in.text(limits::sentence_bytes)); }

KeyUse read_use(Reader& in) {
  KeyUse out;
  out.time = in.u64();
  out.key = read_sentence(in);
  out.purpose = read_sentence(in);
  out.programs = read_sentence(in);
  out.fault = read_sentence(in);
  return out;
}

void write_use(const KeyUse& use, Writer& out) {
  out.u64(use.time).string(use.key).string(use.purpose).string(use.programs).string(use.fault);
}

std::size_t read_count(Reader& in, std::size_t most) {
  const std::size_t count = in.u32();
  if (count <= most) return count;
  throw Error(Errc::too_large, std::to_string(count) + " entries, at most " + std::to_string(most) + " allowed");
}

std::vector<std::string> read_sentences(Reader& in, std::size_t most) {
  std::vector<std::string> out;
  for (std::size_t left = read_count(in, most); left > 0; --left) out.push_back(read_sentence(in));
  return out;
}

void write_sentences(const std::vector<std::string>& sentences, Writer& out) {
  out.u32(static_cast<std::uint32_t>(sentences.size()));
  for (const std::string& sentence : sentences) out.string(sentence);
}

}  // namespace

Watch Watch::read(Reader& in) { return {in.u64()}; }
void Watch::write(Writer& out) const { out.u64(seen); }

Activity Activity::read(Reader& in) {
  Activity out;
  out.number = in.u64();
  out.tokens = read_sentences(in, limits::listed_tokens);
  out.waiting = read_sentences(in, limits::listed_waits);
  for (std::size_t left = read_count(in, limits::remembered_uses); left > 0; --left) out.uses.push_back(read_use(in));
  out.keys = in.u32();
  out.vault_locked = in.boolean();
  out.agent_locked = in.boolean();
  if (out.number == 0) throw Error(Errc::malformed, "an activity without number");
  return out;
}

void Activity::write(Writer& out) const {
  out.u64(number);
  write_sentences(tokens, out);
  write_sentences(waiting, out);
  out.u32(static_cast<std::uint32_t>(uses.size()));
  for (const KeyUse& use : uses) write_use(use, out);
  out.u32(keys).boolean(vault_locked).boolean(agent_locked);
}

}  // namespace fob::control
