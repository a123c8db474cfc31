#include "agent/desktop/bus.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <iostream>

#include "protocol/error.h"

namespace fob::desktop {
namespace {

constexpr std::uint64_t default_timeout = 0;

/// No exception may pass through libsystemd, and there is nothing to go on with after one: the agent starts another.
int run(const std::function<void(sd_bus_message*)>& callback, sd_bus_message* message) {
  try {
    callback(message);
  } catch (const std::exception& error) {
    std::cerr << "fob-desktop: " << error.what() << '\n';
    _exit(EXIT_FAILURE);
  }
  return 0;
}

int on_reply(sd_bus_message* reply, void* callback, sd_bus_error*) {
  const bool failed = sd_bus_message_is_method_error(reply, nullptr) > 0;
  return run(*static_cast<std::function<void(sd_bus_message*)>*>(callback), failed ? nullptr : reply);
}

int on_signal(sd_bus_message* signal, void* callback, sd_bus_error*) {
  return run(*static_cast<std::function<void(sd_bus_message*)>*>(callback), signal);
}

void delete_callback(void* callback) { delete static_cast<std::function<void(sd_bus_message*)>*>(callback); }

/// The slot, and with it the callback, lives until it was called or the bus is closed.
void give_to_bus(sd_bus_slot* slot) {
  sd_bus_slot_set_destroy_callback(slot, delete_callback);
  sd_bus_slot_set_floating(slot, 1);
  sd_bus_slot_unref(slot);
}

std::uint64_t now_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

int checked(int result, const char* what) {
  if (result < 0) throw_system_error(what, -result);
  return result;
}

std::unique_ptr<Bus> Bus::open_session() {
  sd_bus* bus = nullptr;
  if (sd_bus_open_user(&bus) < 0) return nullptr;
  return std::unique_ptr<Bus>(new Bus(bus));
}

std::unique_ptr<Bus> Bus::open_system() {
  sd_bus* bus = nullptr;
  if (sd_bus_open_system(&bus) < 0) return nullptr;
  return std::unique_ptr<Bus>(new Bus(bus));
}

void Bus::prepare(pollfd& descriptor, int& timeout_ms) const {
  descriptor.fd = sd_bus_get_fd(bus_.get());
  const int events = sd_bus_get_events(bus_.get());
  descriptor.events = static_cast<short>(std::max(events, 0));
  std::uint64_t until = UINT64_MAX;
  if (sd_bus_get_timeout(bus_.get(), &until) < 0 || until == UINT64_MAX) return;
  const std::uint64_t now = now_us();
  const std::uint64_t left_ms = until > now ? (until - now) / 1000 + 1 : 0;
  const int left = static_cast<int>(std::min<std::uint64_t>(left_ms, INT_MAX));
  timeout_ms = timeout_ms < 0 ? left : std::min(timeout_ms, left);
}

bool Bus::process() {
  int result = 0;
  do {
    result = sd_bus_process(bus_.get(), nullptr);
  } while (result > 0);
  return result == 0 && sd_bus_is_open(bus_.get()) > 0;
}

Message Bus::new_call(const char* service, const char* path, const char* interface, const char* method) {
  sd_bus_message* out = nullptr;
  checked(sd_bus_message_new_method_call(bus_.get(), &out, service, path, interface, method), "D-Bus call");
  return Message(out);
}

void Bus::call(const Message& message, Callback done) {
  auto callback = std::make_unique<Callback>(std::move(done));
  sd_bus_slot* slot = nullptr;
  checked(sd_bus_call_async(bus_.get(), &slot, message.get(), on_reply, callback.get(), default_timeout), "D-Bus call");
  static_cast<void>(callback.release());
  give_to_bus(slot);
}

void Bus::subscribe(const std::string& rule, Callback handle) {
  auto callback = std::make_unique<Callback>(std::move(handle));
  sd_bus_slot* slot = nullptr;
  checked(sd_bus_add_match_async(bus_.get(), &slot, rule.c_str(), on_signal, nullptr, callback.get()), "D-Bus match");
  static_cast<void>(callback.release());
  give_to_bus(slot);
}

}  // namespace fob::desktop
