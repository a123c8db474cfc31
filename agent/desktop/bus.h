#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <memory>
#include <string>

struct pollfd;

namespace fob::desktop {

struct MessageUnref {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, MessageUnref>;

/// A connection to a D-Bus bus. Nothing here waits for the bus but flush().
///
/// Errors: throws Error{Errc::system} where a message cannot be made or sent.
class Bus {
 public:
  /// nullptr where there is none.
  static std::unique_ptr<Bus> open_session();
  static std::unique_ptr<Bus> open_system();

  /// What to poll for, and until when at the latest (milliseconds; -1: no limit).
  void prepare(pollfd& descriptor, int& timeout_ms) const;
  /// Runs what callbacks are due. False: the connection is lost, and this object of no more use.
  bool process();

  /// A method call to be filled in.
  Message new_call(const char* service, const char* path, const char* interface, const char* method);
  /// `done` gets the reply, or nullptr where the call failed.
  void call(const Message& message, std::function<void(sd_bus_message*)> done);
  /// `handle` gets each signal that fits the rule.
  void subscribe(const std::string& rule, std::function<void(sd_bus_message*)> handle);

  /// Waits until all that was sent has left.
  void flush() { sd_bus_flush(bus_.get()); }

 private:
  using Callback = std::function<void(sd_bus_message*)>;
  struct Closer {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
  };
  explicit Bus(sd_bus* bus) : bus_(bus) {}

  std::unique_ptr<sd_bus, Closer> bus_;
};

/// Throws for a negative result of an sd-bus function.
int checked(int result, const char* what);

}  // namespace fob::desktop
