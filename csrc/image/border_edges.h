// Straight edges across a picture, at which borders end that are not plain.
#pragma once

#include "image/border_lines.h"

namespace hashmatch {

// `n_lines` lie outside the edge; 0 if there is none. `score` is the share of the samples that step there, less
// what the lines outside do of that kind.
struct BorderEdge {
    int n_lines = 0;
    double score = 0.0;
};

// Finds the outermost edge: a step in most samples along one line, outside which enough lines are calm. Reads 32
// pixels of each line up to the edge, or up to where the lines are too rough for one. Sums are exact.
BorderEdge find_border_edge(const Lines& lines);

}  // namespace hashmatch
