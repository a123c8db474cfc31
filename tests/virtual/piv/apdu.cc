#include "tests/virtual/piv/apdu.h"

#include <algorithm>
#include <exception>

namespace fob::virt::piv {
namespace {

constexpr std::uint8_t chaining = 0x10;
constexpr std::uint8_t get_response = 0xc0;
constexpr std::size_t max_command = 4096;

std::size_t number(ByteView bytes) {
  std::size_t out = 0;
  for (const std::uint8_t byte : bytes) out = out << 8 | byte;
  return out;
}

Bytes with_status(Bytes data, unsigned status) {
  data.push_back(static_cast<std::uint8_t>(status >> 8));
  data.push_back(static_cast<std::uint8_t>(status));
  return data;
}

/// What follows the header: [Lc data] [Le], lengths of `width` bytes.
void parse_body(Command& out, ByteView body, std::size_t width) {
  const std::size_t all = width == 1 ? 256 : 65536;
  const auto length = [&](ByteView field) {
    const std::size_t value = number(field);
    return value == 0 ? all : value;
  };
  if (body.size() == width) {
    out.most = length(body);
    return;
  }
  if (body.size() < width) throw CardError{Sw::wrong_length};
  const std::size_t size = number(body.first(width));
  const std::size_t left = body.size() - width;
  if (size == 0 || (left != size && left != size + width)) throw CardError{Sw::wrong_length};
  out.data = to_bytes(body.subspan(width, size));
  if (left > size) out.most = length(body.subspan(width + size));
}

std::size_t take_length(ByteView& in) {
  if (in.empty()) throw CardError{Sw::wrong_data};
  const std::uint8_t first = in[0];
  const std::size_t more = first < 0x80 ? 0 : first - 0x80u;
  if (more > 2 || (first == 0x80) || in.size() < 1 + more) throw CardError{Sw::wrong_data};
  const std::size_t out = more == 0 ? first : number(in.subspan(1, more));
  in = in.subspan(1 + more);
  if (out > in.size()) throw CardError{Sw::wrong_data};
  return out;
}

unsigned take_tag(ByteView& in) {
  const bool two_bytes = (in[0] & 0x1f) == 0x1f;
  if (two_bytes && in.size() < 2) throw CardError{Sw::wrong_data};
  const unsigned out = two_bytes ? static_cast<unsigned>(in[0] << 8 | in[1]) : in[0];
  in = in.subspan(two_bytes ? 2 : 1);
  return out;
}

}  // namespace

CardError wrong_pin(unsigned tries_left) {
  return {static_cast<Sw>(static_cast<unsigned>(Sw::wrong_pin) | std::min(tries_left, 15u))};
}

Command Command::parse(ByteView apdu) {
  if (apdu.size() < 4) throw CardError{Sw::wrong_length};
  Command out{.cla = apdu[0], .ins = apdu[1], .p1 = apdu[2], .p2 = apdu[3], .data = {}};
  const ByteView body = apdu.subspan(4);
  if (body.empty()) return out;
  const bool extended = body[0] == 0 && body.size() >= 3;
  parse_body(out, extended ? body.subspan(1) : body, extended ? 2 : 1);
  return out;
}

Bytes Exchange::answer(ByteView apdu, const Handler& handler) try {
  return respond(Command::parse(apdu), handler);
} catch (const CardError& error) {
  chain_.reset();
  return with_status({}, static_cast<unsigned>(error.status));
} catch (const std::exception&) {
  chain_.reset();
  return with_status({}, static_cast<unsigned>(Sw::unknown_error));
}

Bytes Exchange::respond(Command command, const Handler& handler) {
  if ((command.cla & ~chaining) != 0) throw CardError{Sw::wrong_class};
  if (command.ins == get_response) return part(command.most);
  rest_.clear();
  if (chain_ && (chain_->ins != command.ins || chain_->p1 != command.p1 || chain_->p2 != command.p2)) chain_.reset();
  if (chain_) command.data = concat({chain_->data, command.data});
  chain_.reset();
  if (command.data.size() > max_command) throw CardError{Sw::wrong_length};
  if ((command.cla & chaining) != 0) {
    chain_ = std::move(command);
    return with_status({}, static_cast<unsigned>(Sw::ok));
  }
  rest_ = handler(command);
  return part(command.most);
}

Bytes Exchange::part(std::size_t most) {
  const std::size_t size = std::min(most, rest_.size());
  Bytes out(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(size));
  rest_.erase(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(size));
  if (rest_.empty()) return with_status(std::move(out), static_cast<unsigned>(Sw::ok));
  const std::size_t left = rest_.size() < 256 ? rest_.size() : 0;
  return with_status(std::move(out), static_cast<unsigned>(Sw::more) | static_cast<unsigned>(left));
}

void Exchange::forget() {
  chain_.reset();
  rest_.clear();
}

Bytes concat(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes tlv(unsigned tag, ByteView value) {
  Bytes out;
  if (tag > 0xff) out.push_back(static_cast<std::uint8_t>(tag >> 8));
  out.push_back(static_cast<std::uint8_t>(tag));
  if (value.size() > 0xff) out.insert(out.end(), {0x82, static_cast<std::uint8_t>(value.size() >> 8)});
  if (value.size() >= 0x80 && value.size() <= 0xff) out.push_back(0x81);
  out.push_back(static_cast<std::uint8_t>(value.size()));
  return concat({out, value});
}

std::vector<Tlv> parse_tlvs(ByteView data) {
  std::vector<Tlv> out;
  while (!data.empty()) {
    const unsigned tag = take_tag(data);
    const std::size_t size = take_length(data);
    out.push_back({tag, data.first(size)});
    data = data.subspan(size);
  }
  return out;
}

const Tlv* find(const std::vector<Tlv>& list, unsigned tag) {
  const auto found = std::ranges::find_if(list, [tag](const Tlv& entry) { return entry.tag == tag; });
  return found != list.end() ? &*found : nullptr;
}

ByteView value_of(const std::vector<Tlv>& list, unsigned tag) {
  const Tlv* found = find(list, tag);
  if (found == nullptr) throw CardError{Sw::wrong_data};
  return found->value;
}

}  // namespace fob::virt::piv
