// Commands of cbmon: ask the server, show the answer. Everything is written into texts, so that tests read what people see.
//
// Units      s for --last and --step.
// Ownership  borrows the client for the time of a call.
// Threading  one thread.
// Errors     exit codes: 0 done, 1 the server says no, 2 wrong usage, 3 the server cannot be reached. Messages say what to try.
// Limits     those of HttpClient.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "surface/cli/http_client.h"
#include "surface/cli/table.h"

namespace dragonfly {

inline constexpr int kExitDone = 0;
inline constexpr int kExitRefused = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 3;

enum class OutputForm { kTable, kJson, kCsv };

struct CliSession {
  HttpClient& http;
  std::string server;  // "http://127.0.0.1:9090"
  OutputForm output = OutputForm::kTable;
  bool verbose = false;
  TableStyle style{};
  std::string out{};     // For standard output.
  std::string errors{};  // For standard error.
};

struct MetricGetOptions {
  std::string ns, mcis, vm;  // Empty: the only one there is.
  bool group = false;        // The whole MCIS: statistics across its VMs, over the collector_interval that ends now.
  std::string by = "mcis";   // mcis, csp or region: what the group is divided by.
  size_t top = 3;            // VMs that are named, highest first.
  bool on_demand = false;    // Collected now by the agent; counters are its running totals.
  std::vector<std::string> names;  // Groups and metrics; empty = all 52.
  std::string last = "5m";
  std::string step = "10s";
  std::string statistic = "avg";
};

int show_version(CliSession& session, std::string_view version);
int list_metrics(CliSession& session);
int get_metrics(CliSession& session, const MetricGetOptions& options);
// `ns`: of that namespace; empty: the server's.
int get_config(CliSession& session, const std::string& key, const std::string& ns = {});
// "key=value" each; all or none are taken.
int set_config(CliSession& session, const std::vector<std::string>& changes, const std::string& ns = {});
int reset_config(CliSession& session, const std::string& ns = {});

int list_collectors(CliSession& session);
int get_collector(CliSession& session, const std::string& id);
int start_collector(CliSession& session);
int stop_collector(CliSession& session, const std::string& id);

}  // namespace dragonfly
