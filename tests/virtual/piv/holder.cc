#include <unistd.h>
#include <winscard.h>

#include <iostream>
#include <string>

namespace {

constexpr const char* usage =
    "usage: fob-card-holder exclusive|shared|transaction|wait READER\n"
    "Connects to the card in READER: for itself alone, as one of several, or so with a transaction begun. Prints "
    "\"held\"\n"
    "and lets go when its standard input ends.\n";

bool failed(const char* what, LONG status) {
  if (status == SCARD_S_SUCCESS) return false;
  std::cerr << "fob-card-holder: " << what << ": " << pcsc_stringify_error(status) << "\n";
  return true;
}

void wait_for_end_of_input() {
  char buffer[64];
  while (read(STDIN_FILENO, buffer, sizeof buffer) > 0) {
  }
}

/// Polls: pcscd may not have begun to listen.
int wait_for_card(const char* reader) {
  for (int i = 0; i < 750; ++i) {
    SCARDCONTEXT context = 0;
    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context) == SCARD_S_SUCCESS) {
      SCARD_READERSTATE state{};
      state.szReader = reader;
      const LONG status = SCardGetStatusChange(context, 0, &state, 1);
      SCardReleaseContext(context);
      if (status == SCARD_S_SUCCESS && (state.dwEventState & SCARD_STATE_PRESENT) != 0) return 0;
    }
    usleep(20'000);
  }
  std::cerr << "fob-card-holder: no card in " << reader << "\n";
  return 1;
}

int hold(const std::string& how, const char* reader) {
  SCARDCONTEXT context = 0;
  SCARDHANDLE card = 0;
  DWORD protocol = 0;
  const DWORD share = how == "exclusive" ? SCARD_SHARE_EXCLUSIVE : SCARD_SHARE_SHARED;
  if (failed("SCardEstablishContext", SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context)) ||
      failed("SCardConnect", SCardConnect(context, reader, share, SCARD_PROTOCOL_T1, &card, &protocol)) ||
      (how == "transaction" && failed("SCardBeginTransaction", SCardBeginTransaction(card)))) {
    return 1;
  }
  std::cout << "held" << std::endl;
  wait_for_end_of_input();
  if (how == "transaction") SCardEndTransaction(card, SCARD_LEAVE_CARD);
  SCardDisconnect(card, SCARD_LEAVE_CARD);
  SCardReleaseContext(context);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc == 3 ? argv[1] : "";
  if (how == "wait") return wait_for_card(argv[2]);
  if (how == "exclusive" || how == "shared" || how == "transaction") return hold(how, argv[2]);
  std::cerr << usage;
  return 2;
}
