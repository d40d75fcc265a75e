// Exact search of an index, by the cheapest strategy.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hamming/codes.h"
#include "hamming/hits.h"
#include "hamming/plan.h"
#include "hamming/tables.h"

namespace hashmatch {

// Searches codes, through the tables over them if there are any. Borrows both. Every method is exact and
// thread-safe, and gives the same result whatever the plan and the number of threads, which is at least 1.
class Searcher {
  public:
    Searcher(const Codes& codes, std::optional<Tables> tables);

    // Finds all codes within `radius` bits (inclusive) of each query, by (distance, id).
    SearchResult search(const uint8_t* queries, int64_t n_queries, int radius, int threads) const;
    // The same, by a plan of planner().
    SearchResult search(const uint8_t* queries, int64_t n_queries, int radius, int threads,
                        const SearchPlan& plan) const;
    // Finds the min(k, n) codes of least (distance, id) for each query.
    SearchResult nearest(const uint8_t* queries, int64_t n_queries, int64_t k, int threads) const;
    // Finds all pairs of rows within the radius, by lower row; the ids of the result are the higher rows.
    SearchResult join(int radius, int threads) const;

    const Planner& planner() const { return planner_; }
    const Codes& codes() const { return codes_; }
    SubstringLayout layout() const { return tables_ ? tables_->layout : SubstringLayout{}; }

  private:
    // Hits carry ids.
    std::vector<Hits> run(const SearchPlan& plan, const uint8_t* queries, int64_t n_queries, int radius,
                          int threads) const;

    Codes codes_;
    std::optional<Tables> tables_;
    Planner planner_;
};

}  // namespace hashmatch
