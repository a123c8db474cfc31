#include "cli/frame_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "cli/agent_socket.h"
#include "protocol/error.h"
#include "protocol/wire.h"

namespace fob::cli {
namespace {

constexpr std::size_t read_chunk_bytes = 64 * 1024;
constexpr std::chrono::milliseconds tick{125};

[[noreturn]] void throw_gone() {
  throw Error(Errc::removed, "the agent closed the connection before it answered: it has ended, or its log says why");
}

}  // namespace

void FrameSocket::send(ByteView frame) {
  while (!frame.empty()) {
    wait(POLLOUT);
    const ssize_t sent = ::send(socket_, frame.data(), frame.size(), MSG_NOSIGNAL);
    if (sent > 0) frame = frame.subspan(static_cast<std::size_t>(sent));
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
    if (sent < 0 && errno != EAGAIN && errno != EINTR) throw_system_error("cannot write to the agent", errno);
  }
}

Bytes FrameSocket::receive(std::size_t max_bytes) {
  Bytes head;
  receive_up_to(head, 4);
  const std::size_t length = Reader(head).u32();
  if (length > max_bytes) {
    throw Error(Errc::malformed, "the agent announces a reply of " + std::to_string(length) + " bytes, at most " +
                                     std::to_string(max_bytes) + " are allowed");
  }
  Bytes message;
  message.reserve(length);  // memory is taken as it is filled: by what arrives, not by what is announced
  receive_up_to(message, length);
  return message;
}

void FrameSocket::wait(short events) {
  while (interrupts_.wait(socket_, events, noticing_ ? tick : patience_) != Interrupts::Event::ready) {
    if (!noticing_ && patience_ != forever) tell_silence();
    dialog_.tick();
  }
}

void FrameSocket::tell_silence() {
  const AgentSilent silent = silent_agent(socket_, patience_);
  if (silence_ == Silence::is_thrown) throw AgentSilent(silent);
  // A terminal has one line for it.
  dialog_.notice("no answer yet: " + silent.remedy);
  noticing_ = true;
}

void FrameSocket::receive_up_to(Bytes& out, std::size_t size) {
  while (out.size() < size) {
    wait(POLLIN);
    const std::size_t before = out.size();
    out.resize(before + std::min(size - before, read_chunk_bytes));
    const ssize_t got = recv(socket_, out.data() + before, out.size() - before, 0);
    const int error = errno;
    out.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0 || (got < 0 && error == ECONNRESET)) throw_gone();
    if (got < 0 && error != EAGAIN && error != EINTR) throw_system_error("cannot read from the agent", error);
  }
}

}  // namespace fob::cli
