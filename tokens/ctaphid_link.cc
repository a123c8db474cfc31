#include "tokens/ctaphid_link.h"

#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

/// CTAP 2.1 §11.2.4: channel (4 bytes), command with this bit, length (2 bytes), data.
constexpr std::uint8_t initial_packet = 0x80;
constexpr std::size_t command_at = 4;
constexpr std::size_t data_at = 7;
constexpr std::uint8_t command_msg = 0x03;
constexpr std::uint8_t command_init = 0x06;
constexpr std::uint8_t command_cbor = 0x10;
constexpr std::uint8_t command_cancel = 0x11;
constexpr std::uint8_t command_keepalive = 0x3b;
constexpr std::uint8_t command_error = 0x3f;
constexpr std::uint8_t error_channel_busy = 0x06;
constexpr std::uint8_t keepalive_up_needed = 2;

/// Reports that other programs, or a request that failed, may have left: hidraw queues 64.
constexpr int stale_reports = 256;
constexpr std::chrono::milliseconds lock_retry{50};
constexpr std::chrono::milliseconds busy_retry{50};

/// libfido2's open function gets no argument of ours. One thread, so one link opens at a time.
CtaphidLink* opening = nullptr;

bool is_hidraw(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) throw_system_error("cannot use the token's descriptor", errno);
  if (S_ISCHR(status.st_mode)) return true;
  if (S_ISSOCK(status.st_mode)) return false;
  throw Error(Errc::system, "the token's descriptor is neither a device nor a socket");
}

bool is_readable(int descriptor) {
  pollfd waiting{descriptor, POLLIN, 0};
  return poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0;
}

}  // namespace

CtaphidLink::CtaphidLink(int descriptor, TokenWatch watch)
    : descriptor_(descriptor), is_hidraw_(is_hidraw(descriptor)), watch_(std::move(watch)) {}

void CtaphidLink::begin() {
  failure_ = Failure::none;
  touch_announced_ = false;
  command_ = 0;
  begun_ = heard_ = Clock::now();
  last_ = begun_ + limits::token_request;
  if (is_hidraw_) lock_device();
  drain();
}

void CtaphidLink::end() {
  if (is_hidraw_) flock(descriptor_, LOCK_UN);
}

void CtaphidLink::lock_device() {
  while (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return;  // no locks there: libfido2 does without them, too
    if (watch_.cancelled()) throw Error(Errc::cancelled, "cancelled");
    if (Clock::now() > begun_ + limits::token_silence) {
      throw Error(Errc::refused, "another program is using the token: try again when it has finished");
    }
    std::this_thread::sleep_for(lock_retry);
  }
}

void CtaphidLink::drain() {
  for (int i = 0; i < stale_reports && !failed() && is_readable(descriptor_); ++i) {
    if (read_report()) report_got_ = 0;
  }
}

int CtaphidLink::open(fido_dev_t* device) {
  const fido_dev_io_t functions{[](const char*) -> void* { return opening; }, [](void*) {},
                                [](void* link, unsigned char* to, std::size_t size, int) {
                                  return static_cast<CtaphidLink*>(link)->read(to, size);
                                },
                                [](void* link, const unsigned char* from, std::size_t size) {
                                  return static_cast<CtaphidLink*>(link)->write(from, size);
                                }};
  const int status = fido_dev_set_io_functions(device, &functions);
  if (status != FIDO_OK) return status;
  opening = this;
  return fido_dev_open(device, "fob");
}

void CtaphidLink::announce_touch() {
  if (std::exchange(touch_announced_, true)) return;
  watch_.touch_wanted();
}

void CtaphidLink::check() const {
  switch (failure_) {
    case Failure::none: return;
    case Failure::cancelled: throw Error(Errc::cancelled, "cancelled");
    case Failure::untouched: throw Error(Errc::timed_out, "nobody touched the token in time");
    case Failure::late:
      throw Error(Errc::timed_out, "the token did not finish in time: unplug it and plug it in again");
    case Failure::silent: throw Error(Errc::timed_out, "the token does not answer: unplug it and plug it in again");
    case Failure::removed: throw Error(Errc::removed, "the token was removed");
    case Failure::odd_reports: throw Error(Errc::unsupported, "the token's reports are not of 64 bytes");
  }
}

bool CtaphidLink::fail(Failure failure) {
  if (failure_ == Failure::none || failure == Failure::removed) failure_ = failure;
  return false;
}

/// libfido2 reads: the next report on its own channel. Returns the size, or -1.
int CtaphidLink::read(std::uint8_t* to, std::size_t size) {
  if (size != report_bytes) return -1;
  do {
    if (!receive()) return -1;
    report_got_ = 0;
    // What was cancelled is not begun again.
    if (is_busy() && (failed() || !send_again())) return -1;
  } while (is_for_another() || is_busy());
  heard_ = Clock::now();
  inspect_report();
  std::copy(report_.begin(), report_.end(), to);
  return static_cast<int>(size);
}

/// Of another channel; or the answer to an INIT that was not ours: a token host that was killed left it in the socket.
bool CtaphidLink::is_for_another() const {
  if (!std::equal(channel_.begin(), channel_.end(), report_.begin())) return true;
  return command_ == command_init && report_[command_at] == (initial_packet | command_init) &&
         !std::equal(nonce_.begin(), nonce_.end(), report_.begin() + data_at);
}

/// The token still works for a program that is gone or on another channel, and has thrown our message away (CTAP 2.1
/// §11.2.9.1.6). libfido2 would give up, or take a token for one that speaks U2F only.
bool CtaphidLink::is_busy() const {
  return !is_for_another() && report_[command_at] == (initial_packet | command_error) &&
         report_[data_at] == error_channel_busy;
}

bool CtaphidLink::send_again() {
  if (Clock::now() - begun_message_ > limits::token_silence) return fail(Failure::silent);
  std::this_thread::sleep_for(busy_retry);
  heard_ = Clock::now();
  return std::all_of(sent_.begin(), sent_.end(), [this](const Report& report) { return write_report(report); });
}

void CtaphidLink::inspect_report() {
  const bool waits =
      report_[command_at] == (initial_packet | command_keepalive) && report_[data_at] == keepalive_up_needed;
  if (waits && !failed()) announce_touch();
}

/// libfido2 writes: a report id of 0, then the report. Returns the size, or -1.
int CtaphidLink::write(const std::uint8_t* from, std::size_t size) {
  if (size != report_bytes + 1) return -1;
  Report report;
  std::copy(from + 1, from + size, report.begin());
  if ((report[command_at] & initial_packet) != 0) {
    const auto command = static_cast<std::uint8_t>(report[command_at] & ~initial_packet);
    if (!may_begin(command)) return -1;
    command_ = command;
    sent_.clear();
    begun_message_ = Clock::now();
    std::copy_n(report.begin(), channel_.size(), channel_.begin());
    if (command == command_init) std::copy_n(report.begin() + data_at, nonce_.size(), nonce_.begin());
  }
  heard_ = Clock::now();
  sent_.push_back(report);
  return write_report(report) ? static_cast<int>(size) : -1;
}

/// After a cancel nothing new begins: a PIN that is on its way must not be followed by a touch.
bool CtaphidLink::may_begin(std::uint8_t command) {
  if (failed()) return false;
  if (watch_.cancelled()) return fail(Failure::cancelled);
  // U2F tokens answer "not touched" at once, and libfido2 asks again for ever.
  if (command == command_msg && Clock::now() > begun_ + limits::u2f_touch) return fail(Failure::untouched);
  return true;
}

/// One whole report into report_.
bool CtaphidLink::receive() {
  for (;;) {
    const Clock::time_point now = Clock::now();
    if (failure_ == Failure::none && watch_.cancelled()) cancel(Failure::cancelled, now);
    if (failure_ == Failure::none && now >= last_) cancel(Failure::late, now);
    if (now >= deadline()) return fail(Failure::silent);
    if (!wait(now)) continue;
    if (read_report()) return true;
    if (failure_ == Failure::removed || failure_ == Failure::odd_reports) return false;
  }
}

CtaphidLink::Clock::time_point CtaphidLink::deadline() const {
  const Clock::time_point silent = heard_ + limits::token_silence;
  // A request that has not failed is cancelled at last_, and gets a while to end.
  return failed() ? std::min(silent, last_) : silent;
}

/// Until the token or the agent has something to say, or time is up; whether it is the token.
bool CtaphidLink::wait(Clock::time_point now) {
  const Clock::time_point until = failed() ? deadline() : std::min(deadline(), last_);
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  std::array<pollfd, 2> waiting{{{descriptor_, POLLIN, 0}, {failed() ? -1 : watch_.descriptor(), POLLIN, 0}}};
  if (poll(waiting.data(), waiting.size(), static_cast<int>(std::max<long>(timeout, 0))) <= 0) return false;
  return waiting[0].revents != 0;
}

/// What there is of a report; whether it is whole now.
bool CtaphidLink::read_report() {
  const std::size_t missing = report_bytes - report_got_;
  const ssize_t got = ::read(descriptor_, report_.data() + report_got_, missing);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (got <= 0) return fail(Failure::removed);
  report_got_ += static_cast<std::size_t>(got);
  if (report_got_ == report_bytes) return true;
  return is_hidraw_ ? fail(Failure::odd_reports) : false;
}

bool CtaphidLink::write_report(const Report& report) {
  std::array<std::uint8_t, report_bytes + 1> numbered{};
  std::copy(report.begin(), report.end(), numbered.begin() + 1);
  ByteView left(numbered);
  if (!is_hidraw_) left = left.subspan(1);
  while (!left.empty()) {
    const ssize_t sent = is_hidraw_ ? ::write(descriptor_, left.data(), left.size())
                                    : ::send(descriptor_, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      // hidraw takes a report whole, whatever it counts of it.
      left = is_hidraw_ ? ByteView() : left.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      pollfd waiting{descriptor_, POLLOUT, 0};
      if (poll(&waiting, 1, static_cast<int>(limits::token_silence.count())) == 0) return fail(Failure::silent);
    } else if (errno != EINTR) {
      return fail(Failure::removed);
    }
  }
  return true;
}

/// The token then ends its waiting and answers; it gets a while for that.
void CtaphidLink::cancel(Failure why, Clock::time_point now) {
  fail(why);
  last_ = now + limits::token_silence;
  if (command_ != command_cbor) return;
  Report report{};
  std::copy(channel_.begin(), channel_.end(), report.begin());
  report[command_at] = initial_packet | command_cancel;
  write_report(report);
}

}  // namespace fob
