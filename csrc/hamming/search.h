// The ways into an index: the cheapest exact plan is chosen here and carried out below.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hamming/codes.h"
#include "hamming/hits.h"
#include "hamming/plan.h"
#include "hamming/tables.h"

namespace hashmatch {

// An index as it is searched: its codes, the tables over them where it has any, and the plans.
class Engine {
  public:
    Engine(const Codes& codes, std::optional<Tables> tables);

    // All of these are exact, and give the same whatever the plan and the number of threads.
    // Thread-safe.

    // All codes within `radius` bits (inclusive) of each query, by (distance, id).
    SearchResult search(const uint8_t* queries, int64_t n_queries, int radius, int threads) const;
    // The same by a plan of planner().
    SearchResult search(const uint8_t* queries, int64_t n_queries, int radius, int threads,
                        const SearchPlan& plan) const;
    // The min(k, n) codes of least (distance, id) for each query.
    SearchResult nearest(const uint8_t* queries, int64_t n_queries, int64_t k, int threads) const;
    // All pairs of rows within the radius, by lower row; ids of the result are the higher rows.
    SearchResult join(int radius, int threads) const;

    const Planner& planner() const { return planner_; }
    const Codes& codes() const { return codes_; }
    PartLayout layout() const { return tables_ ? tables_->layout : PartLayout{}; }

  private:
    // Hits carry ids.
    std::vector<Hits> carry_out(const SearchPlan& plan, const uint8_t* queries, int64_t n_queries, int radius,
                                int threads) const;

    Codes codes_;
    std::optional<Tables> tables_;
    Planner planner_;
};

}  // namespace hashmatch
