// fob-load: a load generator for any ssh-agent socket. Prints one JSON line.
//
// It asks one thing at a time per client, checks every answer, and depends on nothing of fob.

#include <getopt.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <system_error>
#include <thread>

#include "connection.h"
#include "direct.h"
#include "measure.h"
#include "process.h"

namespace fob {
namespace {

using namespace std::chrono_literals;
using Microseconds = std::chrono::duration<double, std::micro>;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::string_view usage =
    R"(usage: fob-load MODE --socket PATH [options] [-- COMMAND...]

  list      lists the keys
  sign      signs with the key --key TYPE[:RSA-BITS], such as ssh-ed25519 or ssh-rsa:3072
  fill      adds --count keys, then signs with all of them in random order
  idle      keeps --count connections open and asks on new ones
  confirm   asks for a signature that must be confirmed (the agent's askpass should take some
            seconds to say yes) and meanwhile for others
  start     starts COMMAND, an agent, and waits for its first answer
  beside    prints "ready", waits for a line on standard input, then lists and signs as two unhurried clients
  direct    signs with the key --key of the PKCS#11 module --module, with --pin, without an agent

  --clients N     clients at once (1)           --seconds T    time to measure (1)
  --fresh         a new connection each time    --requests N   ends earlier, after N answers
  --count N       keys or connections (10)      --pid PID      the agent, to see its memory
  --module PATH   a PKCS#11 module              --pin PIN      its first token's
)";

struct Options {
  std::string mode;
  std::string key = "ssh-ed25519";
  std::uint32_t count = 10;
  pid_t pid = 0;
  std::string module;
  std::string pin;
  Plan plan;
  char** command = nullptr;
};

class JsonLine {
 public:
  template <typename T>
  JsonLine& field(std::string_view name, const T& value) {
    text_ << (empty_ ? "{" : ", ") << '"' << name << "\": " << value;
    empty_ = false;
    return *this;
  }
  JsonLine& field(std::string_view name, const char* value) { return field(name, '"' + std::string(value) + '"'); }
  JsonLine& growth(const Memory& before, const Memory& after) {
    return field("rss_before_kib", before.rss_kib)
        .field("rss_growth_kib", after.rss_kib - before.rss_kib)
        .field("anon_growth_kib", after.anon_kib - before.anon_kib);
  }
  JsonLine& latencies(Outcome outcome) {
    return field("p50_us", outcome.percentile_us(0.5))
        .field("p99_us", outcome.percentile_us(0.99))
        .field("max_us", outcome.percentile_us(1))
        .field("answers", outcome.latencies.size())
        .field("errors", outcome.errors);
  }
  JsonLine& outcome(Outcome outcome) { return field("rate", outcome.rate()).latencies(std::move(outcome)); }
  void print() const { std::cout << text_.str() << "}\n"; }

 private:
  std::ostringstream text_;
  bool empty_ = true;
};

Memory memory_if_known(const Options& options) { return options.pid > 0 ? memory_of(options.pid) : Memory{}; }

/// One answer before the measurement, with the signature verified where libsodium can.
void check_signature(const Options& options, const PublicKey& key) {
  Connection connection = Connection::open(options.plan.socket);
  const Exchange exchange = sign_exchange(key);
  const ByteView reply = connection.exchange(exchange);
  if (key.type() == "ssh-ed25519" && !ed25519_verifies(exchange.request, reply)) {
    throw std::runtime_error("the agent's signature is wrong");
  }
}

void list(Options& options) {
  Connection connection = Connection::open(options.plan.socket);
  Exchange exchange = list_exchange();
  const ByteView reply = connection.exchange(exchange);
  const std::size_t keys = parse_list(reply).size();
  exchange.expected.min_bytes = exchange.expected.max_bytes = reply.size();
  options.plan.exchanges = {exchange};
  JsonLine().field("keys", keys).outcome(measure(options.plan)).print();
}

PublicKey find_key(const Options& options) {
  Connection connection = Connection::open(options.plan.socket);
  for (const PublicKey& key : parse_list(connection.exchange(list_exchange()))) {
    const std::string bits = key.rsa_bits() > 0 ? ":" + std::to_string(key.rsa_bits()) : "";
    if (options.key == key.type() || options.key == key.type() + bits) return key;
  }
  throw std::runtime_error("the agent has no key " + options.key);
}

void sign(Options& options) {
  const PublicKey key = find_key(options);
  check_signature(options, key);
  options.plan.exchanges = {sign_exchange(key)};
  JsonLine().outcome(measure(options.plan)).print();
}

void fill(Options& options) {
  const Memory before = memory_if_known(options);
  Connection connection = Connection::open(options.plan.socket);
  std::chrono::duration<double> filling{0};
  for (std::uint32_t i = 0; i < options.count; ++i) {
    const OwnKey key = OwnKey::numbered(i);
    const auto started = Clock::now();
    connection.exchange(add_exchange(key, false));
    filling += Clock::now() - started;
    options.plan.exchanges.push_back(sign_exchange({key.blob()}));
  }
  const Memory after = memory_if_known(options);
  check_signature(options, {OwnKey::numbered(options.count - 1).blob()});
  JsonLine()
      .field("adds_per_second", options.count / filling.count())
      .growth(before, after)
      .outcome(measure(options.plan))
      .print();
}

void idle(Options& options) {
  const Memory before = memory_if_known(options);
  const auto started = Clock::now();
  const auto connections = open_used(options.plan.socket, options.count);
  const Milliseconds opening = Clock::now() - started;
  const Memory after = memory_if_known(options);
  options.plan.exchanges = {list_exchange()};
  options.plan.fresh = true;
  JsonLine()
      .field("connections", connections.size())
      .field("opening_ms", opening.count())
      .growth(before, after)
      .outcome(measure(options.plan))
      .print();
}

bool is_answered(const Connection& connection, std::chrono::milliseconds patience) {
  pollfd poll_fd{.fd = connection.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&poll_fd, 1, static_cast<int>(patience.count())) == 1;
}

/// A new client's signatures, unhurried, until `until` is answered or enough were seen.
Outcome watch(const Options& options, const Exchange& exchange, const Connection& until) {
  constexpr std::size_t enough = 100;
  constexpr auto pause = 10ms;
  Outcome outcome;
  do {
    const auto started = Clock::now();
    Connection::open(options.plan.socket).exchange(exchange);
    outcome.latencies.push_back(Clock::now() - started);
  } while (outcome.latencies.size() < enough && !is_answered(until, pause));
  return outcome;
}

void confirm(Options& options) {
  Connection asker = Connection::open(options.plan.socket);
  const OwnKey plain = OwnKey::numbered(1);
  const OwnKey guarded = OwnKey::numbered(2);
  asker.exchange(add_exchange(plain, false));
  asker.send(add_exchange(guarded, true).request);
  if (asker.receive().front() != static_cast<char>(Message::success)) {
    return JsonLine().field("confirm", "refused").print();
  }
  const Exchange exchange = sign_exchange({plain.blob()});
  Outcome quiet = watch(options, exchange, asker);

  const auto started = Clock::now();
  asker.send(sign_exchange({guarded.blob()}).request);
  constexpr auto time_to_ask = 300ms;
  if (is_answered(asker, time_to_ask)) {
    const char type = asker.receive().front();
    const bool is_signed = type == static_cast<char>(Message::sign_response);
    return JsonLine().field("confirm", is_signed ? "ignored" : "denied").print();
  }
  Outcome pending = watch(options, exchange, asker);
  const bool confirmed = asker.receive().front() == static_cast<char>(Message::sign_response);
  JsonLine()
      .field("confirm", confirmed ? "asked" : "denied")
      .field("pending_ms", Milliseconds(Clock::now() - started).count())
      .field("quiet_p50_us", quiet.percentile_us(0.5))
      .field("quiet_max_us", quiet.percentile_us(1))
      .latencies(std::move(pending))
      .print();
}

/// A client that asks now and then, from `begin` on: where the agent stands still, one request shows how long.
Outcome ask_now_and_then(const Options& options, const Exchange& exchange) {
  constexpr auto pause = 2ms;
  Connection connection = Connection::open(options.plan.socket);
  Outcome outcome;
  const auto begin = Clock::now();
  for (auto started = begin; started < begin + options.plan.time; started = Clock::now()) {
    connection.exchange(exchange);
    outcome.latencies.push_back(Clock::now() - started);
    std::this_thread::sleep_for(pause);
  }
  return outcome;
}

void beside(Options& options) {
  const OwnKey key = OwnKey::numbered(1);
  Connection::open(options.plan.socket).exchange(add_exchange(key, false));
  std::cout << "ready" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  Outcome signing;
  std::exception_ptr error;
  std::thread signer([&] {
    try {
      signing = ask_now_and_then(options, sign_exchange({key.blob()}));
    } catch (...) {
      error = std::current_exception();
    }
  });
  Outcome listing = ask_now_and_then(options, list_exchange());
  signer.join();
  if (error) std::rethrow_exception(error);
  JsonLine()
      .field("list_p99_us", listing.percentile_us(0.99))
      .field("sign_p99_us", signing.percentile_us(0.99))
      .field("answers", listing.latencies.size() + signing.latencies.size())
      .print();
}

void direct(Options& options) {
  DirectPlan plan{.module = options.module, .pin = options.pin, .key = options.key, .time = options.plan.time};
  JsonLine().outcome(sign_directly(plan)).print();
}

/// Whether the agent that is being started answers by now.
bool is_up(const Options& options) {
  try {
    Connection::open(options.plan.socket).exchange(list_exchange());
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

void start(Options& options) {
  if (options.command == nullptr) throw std::runtime_error("start: no command is given");
  constexpr auto time_limit = 10s;
  constexpr auto pause = 50us;
  const auto started = Clock::now();
  Child agent(options.command);
  while (!is_up(options)) {
    if (agent.has_ended()) throw std::runtime_error("start: the agent has ended");
    if (Clock::now() > started + time_limit) throw std::runtime_error("start: no answer");
    std::this_thread::sleep_for(pause);
  }
  JsonLine().field("start_ms", Milliseconds(Clock::now() - started).count()).print();
}

void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

[[noreturn]] void fail_usage() {
  std::cerr << usage;
  std::exit(2);
}

void set_option(Options& options, char letter, const std::string& value) {
  switch (letter) {
    case 's': options.plan.socket = value; break;
    case 'k': options.key = value; break;
    case 'c': options.plan.clients = std::max(1UL, std::stoul(value)); break;
    case 'f': options.plan.fresh = true; break;
    case 't': options.plan.time = std::chrono::duration<double>(std::stod(value)); break;
    case 'r': options.plan.requests = std::stoul(value); break;
    case 'n': options.count = static_cast<std::uint32_t>(std::max(1UL, std::stoul(value))); break;
    case 'm': options.module = value; break;
    case 'P': options.pin = value; break;
    case 'p': options.pid = static_cast<pid_t>(std::stol(value)); break;
    default: fail_usage();
  }
}

Options parse_options(int argc, char** argv) {
  static const option long_options[] = {{"socket", required_argument, nullptr, 's'},
                                        {"key", required_argument, nullptr, 'k'},
                                        {"clients", required_argument, nullptr, 'c'},
                                        {"fresh", no_argument, nullptr, 'f'},
                                        {"seconds", required_argument, nullptr, 't'},
                                        {"requests", required_argument, nullptr, 'r'},
                                        {"count", required_argument, nullptr, 'n'},
                                        {"pid", required_argument, nullptr, 'p'},
                                        {"module", required_argument, nullptr, 'm'},
                                        {"pin", required_argument, nullptr, 'P'},
                                        {nullptr, 0, nullptr, 0}};
  Options options;
  int letter = 0;
  while ((letter = ::getopt_long(argc, argv, "+", long_options, nullptr)) != -1) {
    set_option(options, static_cast<char>(letter), optarg == nullptr ? "" : optarg);
  }
  if (optind < argc) options.command = argv + optind;
  return options;
}

void run(Options& options) {
  if (options.mode == "list") return list(options);
  if (options.mode == "sign") return sign(options);
  if (options.mode == "fill") return fill(options);
  if (options.mode == "idle") return idle(options);
  if (options.mode == "confirm") return confirm(options);
  if (options.mode == "start") return start(options);
  if (options.mode == "beside") return beside(options);
  if (options.mode == "direct") return direct(options);
  fail_usage();
}

}  // namespace
}  // namespace fob

int main(int argc, char** argv) {
  try {
    if (argc < 2 || sodium_init() < 0) fob::fail_usage();
    fob::Options options = fob::parse_options(argc - 1, argv + 1);
    options.mode = argv[1];
    if (options.plan.socket.empty() && options.mode != "direct") fob::fail_usage();
    fob::raise_descriptor_limit();
    fob::run(options);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "fob-load: " << error.what() << '\n';
    return 1;
  }
}
