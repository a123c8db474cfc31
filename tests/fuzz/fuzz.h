#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <type_traits>
#include <utility>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/wire.h"

/// What the fuzz targets share. Each is one LLVMFuzzerTestOneInput; crashes, sanitizer reports, exceptions other than
/// Error and broken invariants all end the process.
namespace fob::fuzz {

/// Ends the process, so that the fuzzer keeps the input, unless `holds`.
inline void require(bool holds, const char* invariant) {
  if (holds) return;
  std::fprintf(stderr, "broken invariant: %s\n", invariant);
  std::abort();
}

/// What `parse` returns, or nothing where it throws Error. Any other exception leaves, and ends the process.
template <class Parse>
auto attempt(Parse parse) -> std::optional<decltype(parse())> {
  try {
    return parse();
  } catch (const Error& error) {
    require(error.what()[0] != '\0', "an error says what failed");
    return std::nullopt;
  }
}

/// Whether `check`, which returns nothing, came to its end.
template <class Check>
bool passes(Check check) {
  return attempt([&] {
           check();
           return true;
         })
      .has_value();
}

/// A frame's contents; its length word must be right.
inline Bytes unframed(const Bytes& frame) {
  Reader in(frame);
  const Bytes out = to_bytes(in.string());
  in.done();
  return out;
}

/// What write(), a member of `message`, writes.
template <class Message>
Bytes written(const Message& message) {
  Writer out;
  message.write(out);
  return out.take();
}

}  // namespace fob::fuzz
