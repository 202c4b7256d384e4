// What a verdict costs at 10 and at 65,536 rules, beside a walk over the same
// rules; what a set of a million domains costs to make and to ask.

#include <malloc.h>
#include <sys/resource.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"
#include "netsvc/policy/domain_set.h"
#include "netsvc/policy/linear_evaluator.h"
#include "netsvc/policy/random_policy.h"
#include "netsvc/policy/rule_hits.h"

namespace sluice::policy {
namespace {

constexpr int kDomains = 1'000'000;
constexpr size_t kNames = 65'536;

// A policy of cidr and domain rules, ports and protocols mixed, and flows to ask
// it about, with the names of their addresses. A sandbox talks to dozens of
// remotes; thousands of them, at random, defeat the processor's caches.
struct Scene {
  explicit Scene(const benchmark::State& state)
      : random({.seed = 42, .world_bits = 18, .peerless_percent = 0, .group_percent = 0, .shortest_v4 = 22}) {
    policy = random.Policy(static_cast<int>(state.range(0)));
    policy.set_preset(v1::PRESET_ALLOWLIST);
    names.resize(static_cast<size_t>(state.range(1)));
    for (std::vector<DomainName>& of_query : names) queries.push_back(random.Query(of_query));
  }

  RandomPolicy random;
  v1::NetworkPolicy policy;
  std::vector<std::vector<DomainName>> names;
  std::vector<FlowQuery> queries;
  AddressGroups groups{{}};
};

template <typename Evaluator>
void AskFlows(benchmark::State& state, const Scene& scene, const Evaluator& evaluator) {
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(evaluator.Evaluate(scene.queries[i], scene.groups));
    i = i + 1 == scene.queries.size() ? 0 : i + 1;
  }
}

template <typename Evaluator>
void AskNames(benchmark::State& state, Scene& scene, const Evaluator& evaluator) {
  std::vector<DomainName> names;
  for (size_t i = 0; i < scene.queries.size(); ++i) names.push_back(scene.random.Name());
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(evaluator.EvaluateName(names[i]));
    i = i + 1 == names.size() ? 0 : i + 1;
  }
}

void BM_FlowCompiled(benchmark::State& state) {
  const Scene scene(state);
  AskFlows(state, scene, *CompiledPolicy::Compile(scene.policy).value());
}

void BM_FlowLinear(benchmark::State& state) {
  const Scene scene(state);
  AskFlows(state, scene, LinearEvaluator(scene.policy));
}

void BM_NameCompiled(benchmark::State& state) {
  Scene scene(state);
  AskNames(state, scene, *CompiledPolicy::Compile(scene.policy).value());
}

void BM_NameLinear(benchmark::State& state) {
  Scene scene(state);
  AskNames(state, scene, LinearEvaluator(scene.policy));
}

// What the verdicts of as many flows add to their judging.
void BM_Count(benchmark::State& state) {
  const Scene scene(state);
  const std::shared_ptr<const CompiledPolicy> policy = CompiledPolicy::Compile(scene.policy).value();
  std::vector<Verdict> verdicts;
  for (const FlowQuery& query : scene.queries) verdicts.push_back(policy->Evaluate(query, scene.groups));
  RuleHits hits(policy, absl::UnixEpoch());
  size_t i = 0;
  for (auto _ : state) {
    hits.Count(RuleHits::Kind::kFlow, verdicts[i].action, verdicts[i].rule_id, absl::UnixEpoch());
    i = i + 1 == verdicts.size() ? 0 : i + 1;
  }
}

double HeapMb() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd) / (1 << 20);
}

// heap_MB: the compiled policy, with its copy of the message.
void BM_Compile(benchmark::State& state) {
  const Scene scene(state);
  const double before = HeapMb();
  std::shared_ptr<const CompiledPolicy> policy;
  for (auto _ : state) policy = CompiledPolicy::Compile(scene.policy).value();
  state.counters["heap_MB"] = HeapMb() - before;
  const v1::NetworkPolicy copy = scene.policy;
  state.counters["message_MB"] = HeapMb() - before - state.counters["heap_MB"];
}

// "d123.zone45.test": no two numbers give the same.
std::string DomainText(int i) { return absl::StrCat(i % 3 == 0 ? "*." : "", "d", i, ".zone", i % 1000, ".test"); }

DomainSet MakeDomains() {
  DomainSet::Builder builder;
  for (int i = 0; i < kDomains; ++i) {
    const absl::Status status = builder.Add(DomainPattern::Parse(DomainText(i)).value());
    if (!status.ok()) break;
  }
  return std::move(builder).Build();
}

double PeakRssMb() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// Parsing the text included. peak_MB is the growth of this process's RSS at its
// highest; nothing if the process was larger before.
void BM_DomainSetBuild(benchmark::State& state) {
  const double before = PeakRssMb();
  DomainSet set;
  for (auto _ : state) {
    set = DomainSet();
    set = MakeDomains();
  }
  state.counters["image_MB"] = static_cast<double>(set.image().size()) / (1 << 20);
  state.counters["peak_MB"] = PeakRssMb() - before;
}

void BM_DomainSetContains(benchmark::State& state) {
  static const DomainSet* const set = new DomainSet(MakeDomains());
  const bool hit = state.range(0) != 0;
  std::mt19937 random(1);
  std::vector<DomainName> names;
  for (size_t i = 0; i < kNames; ++i) {
    const std::string text = DomainPattern::Parse(DomainText(static_cast<int>(random() % kDomains)))->name.ToString();
    names.push_back(DomainName::FromText(absl::StrCat(hit ? "" : "www.not-", text)).value());
  }
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(set->Contains(names[i++ % names.size()]));
}

void RulesAndRemotes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rules", "remotes"})->ArgsProduct({{10, 1'000, 65'536}, {64, 4'096}});
}

// First, while the process is small: it reports the growth of its memory.
BENCHMARK(BM_DomainSetBuild)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(BM_DomainSetContains)->ArgName("hit")->Arg(1)->Arg(0);
BENCHMARK(BM_FlowCompiled)->Apply(RulesAndRemotes);
BENCHMARK(BM_FlowLinear)->Apply(RulesAndRemotes);
BENCHMARK(BM_NameCompiled)->Apply(RulesAndRemotes);
BENCHMARK(BM_NameLinear)->Apply(RulesAndRemotes);
BENCHMARK(BM_Count)->Apply(RulesAndRemotes);
BENCHMARK(BM_Compile)->ArgNames({"rules", "remotes"})->Args({65'536, 1})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::policy

BENCHMARK_MAIN();
