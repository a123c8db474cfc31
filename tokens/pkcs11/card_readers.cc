#include <winscard.h>

#include "protocol/limits.h"
#include "tokens/pkcs11/piv_card.h"

namespace fob::pkcs11 {
namespace {

/// A context of pcscd's; invalid where that does not run.
class Context {
 public:
  Context() : valid_(SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context_) == SCARD_S_SUCCESS) {}
  ~Context() {
    if (valid_) SCardReleaseContext(context_);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  bool valid() const { return valid_; }
  SCARDCONTEXT get() const { return context_; }

 private:
  SCARDCONTEXT context_ = 0;
  bool valid_;
};

std::vector<std::string> reader_names(SCARDCONTEXT context) {
  DWORD size = 0;
  if (SCardListReaders(context, nullptr, nullptr, &size) != SCARD_S_SUCCESS) return {};
  std::string names(size, '\0');
  // A reader may have come in between: then these do not fit, and there are none for now.
  if (SCardListReaders(context, nullptr, names.data(), &size) != SCARD_S_SUCCESS) return {};
  std::vector<std::string> out;
  for (std::size_t at = 0; at < names.size() && names[at] != '\0' && out.size() < limits::card_readers;) {
    out.emplace_back(names.c_str() + at);
    at += out.back().size() + 1;
  }
  return out;
}

}  // namespace

std::vector<CardReader> card_readers() {
  const Context context;
  if (!context.valid()) return {};
  const std::vector<std::string> names = reader_names(context.get());
  std::vector<SCARD_READERSTATE> states(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    states[i].szReader = names[i].c_str();
    states[i].dwCurrentState = SCARD_STATE_UNAWARE;
  }
  const bool asked = SCardGetStatusChange(context.get(), 0, states.data(), states.size()) == SCARD_S_SUCCESS;
  std::vector<CardReader> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const DWORD state = asked ? states[i].dwEventState : SCARD_STATE_UNAVAILABLE;
    out.push_back({.name = names[i],
                   .has_card = (state & SCARD_STATE_PRESENT) != 0,
                   .in_use = (state & SCARD_STATE_INUSE) != 0,
                   .exclusive = (state & SCARD_STATE_EXCLUSIVE) != 0});
  }
  return out;
}

std::optional<std::string> reader_of_slot(const std::string& description) {
  std::vector<std::string> longer;
  for (const CardReader& reader : card_readers()) {
    if (reader.name == description) return description;
    if (!description.empty() && reader.name.starts_with(description)) longer.push_back(reader.name);
  }
  if (longer.size() == 1) return longer[0];
  return std::nullopt;
}

void reset_card(const std::string& reader) noexcept {
  const Context context;
  SCARDHANDLE card = 0;
  DWORD protocol = 0;
  if (!context.valid() || SCardConnect(context.get(), reader.c_str(), SCARD_SHARE_SHARED,
                                       SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol) != SCARD_S_SUCCESS) {
    return;
  }
  SCardDisconnect(card, SCARD_RESET_CARD);
}

}  // namespace fob::pkcs11
