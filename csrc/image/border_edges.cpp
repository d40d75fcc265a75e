#include "image/border_edges.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

namespace hashmatch {
namespace {

// Samples lie in pairs, so that a line is compared along itself over the same distance as with other lines: both
// compare sums of four lines, four pixels apart. Noise of +-12 levels nearly vanishes in them.
constexpr int kPairs = 16, kSamples = 2 * kPairs;
constexpr int kWindow = 4;
constexpr int kNear = 8;       // lines: an edge softened by JPEG or a shadow lies within so many of where it begins
constexpr int kLeastStep = 6;  // levels
constexpr double kLeastScore = 0.55;
constexpr int kRoughnessWeight = 4;  // what lies outside a natural edge is rough
constexpr int kCalmPart = 4;         // outside an edge one block in four is calm; others may hold text
constexpr int kLeastActivePart = 8;  // a picture in a wide frame crosses at least an eighth of a line
constexpr int kPatiencePart = 8, kLeastPatience = 32;  // of the lines: if these are not calm, the search ends
constexpr int kActiveProbes = 24;

// Blocks outside an edge, by roughness.
class Outside {
  public:
    void add(int rough) {
        ++n_blocks_of_[rough];
        ++n_blocks_;
    }

    // The roughness that a quarter of the blocks do not exceed, as a share of the samples.
    double roughness() const {
        int rough = 0, passed = n_blocks_of_[0];
        while (kCalmPart * passed < n_blocks_) passed += n_blocks_of_[++rough];
        return static_cast<double>(rough) / kSamples;
    }

  private:
    std::array<int, kSamples + 1> n_blocks_of_{};
    int n_blocks_ = 0;
};

template <int kChannels>
class EdgeFinder {
  public:
    explicit EdgeFinder(const Lines& lines) : lines_(lines) {
        for (int pair = 0; pair < kPairs; ++pair) {
            const int middle = static_cast<int>((2 * pair + 1) * int64_t{lines.length} / (2 * kPairs));
            places_[pair] = std::max(0, middle - kWindow / 2) * lines.pixel_step;
            places_[kPairs + pair] = std::min(lines.length - 1, middle + kWindow / 2) * lines.pixel_step;
        }
    }

    // Blocks of four lines tell where to look closely; an edge before any line of block `number` leaves the blocks
    // before that one outside.
    BorderEdge find() {
        if (lines_.n_lines < 2 * kNear) return {};
        least_step_ = measure_least_step();
        const int end = lines_.n_lines - lines_.n_lines / kLeastActivePart;
        const int patience = std::max(kLeastPatience, lines_.n_lines / kPatiencePart);
        Outside outside;
        Levels before_last = window(-2 * kWindow), last = window(-kWindow), block = window(0);
        for (int first = 0; first < end; first += kWindow) {
            if (first > 0) outside.add(std::max(count_steps(before_last, last), count_uneven(last)));
            const double roughness = outside.roughness();
            const bool is_calm = 1.0 - kRoughnessWeight * roughness >= kLeastScore;
            if (!is_calm && first >= patience) return {};
            const Levels next = window(first + kWindow);
            // Where an edge lies between them, nearly all samples that step there differ.
            if (is_calm && 4 * count_steps(last, next) >= 3 * kLeastScore * count_active()) {
                const BorderEdge edge = look_closely(first, roughness);
                if (edge.n_lines > 0) return edge;
            }
            before_last = last;
            last = block;
            block = next;
        }
        return {};
    }

  private:
    using Levels = std::array<int16_t, kChannels * kSamples>;  // one run of samples per channel
    using Changes = std::array<int16_t, kSamples>;

    // How a line differs from the line before it.
    struct Step {
        int straight = 0;  // samples that step sharply
        int weight = 0;    // by how much, in all
    };

    // The edge before a line of the block that begins at line `first`.
    BorderEdge look_closely(int first, double roughness) {
        constexpr int kBefore = kWindow, kBehind = kWindow + kNear;
        std::array<Levels, kBefore + kBehind + kWindow> lines;
        for (int number = 0; number < static_cast<int>(lines.size()); ++number)
            lines[number] = read(first - kBefore + number);
        std::array<Step, kBehind> steps;
        for (int number = 0; number < kBehind; ++number)
            if (first + number > 0 && first + number < lines_.n_lines)
                steps[number] = measure(&lines[kBefore + number]);
        for (int number = 0; number < kWindow; ++number) {
            if (score(steps[number], roughness) < kLeastScore) continue;
            int best = number;
            for (int later = number + 1; later < number + kNear; ++later)
                if (steps[later].weight > steps[best].weight) best = later;
            if (score(steps[best], roughness) >= kLeastScore) return {first + best, score(steps[best], roughness)};
        }
        return {};
    }

    double score(const Step& step, double roughness) {
        return static_cast<double>(step.straight) / count_active() - kRoughnessWeight * roughness;
    }

    Levels read(int number) const {
        const uint8_t* from = lines_.first + std::clamp(number, 0, lines_.n_lines - 1) * lines_.line_step;
        Levels levels;
        for (int sample = 0; sample < kSamples; ++sample)
            for (int channel = 0; channel < kChannels; ++channel)
                levels[channel * kSamples + sample] = from[places_[sample] + channel];
        return levels;
    }

    // The sum of four lines; the outermost and innermost are repeated beyond the picture.
    Levels window(int first) const {
        Levels sum{};
        for (int number = first; number < first + kWindow; ++number) {
            const Levels line = read(number);
            for (size_t value = 0; value < sum.size(); ++value) sum[value] += line[value];
        }
        return sum;
    }

    // By how much each sample differs, in the channel where it differs most.
    static Changes differ(const Levels& one, const Levels& other) {
        Changes most{};
        for (int channel = 0; channel < kChannels; ++channel)
            for (int sample = 0; sample < kSamples; ++sample) {
                const int16_t a = one[channel * kSamples + sample], b = other[channel * kSamples + sample];
                const auto change = static_cast<int16_t>(a > b ? a - b : b - a);
                most[sample] = most[sample] > change ? most[sample] : change;
            }
        return most;
    }

    static int count_above(const Changes& changes, int16_t least) {
        int16_t n_above = 0;
        for (const int16_t change : changes) n_above += change > least;
        return n_above;
    }

    int count_steps(const Levels& one, const Levels& other) const {
        return count_above(differ(one, other), least_step_);
    }

    // The samples of those pairs that differ.
    int count_uneven(const Levels& block) const {
        std::array<int16_t, kPairs> most{};
        for (int channel = 0; channel < kChannels; ++channel)
            for (int pair = 0; pair < kPairs; ++pair) {
                const int16_t a = block[channel * kSamples + pair], b = block[channel * kSamples + kPairs + pair];
                const auto change = static_cast<int16_t>(a > b ? a - b : b - a);
                most[pair] = most[pair] > change ? most[pair] : change;
            }
        int16_t n_uneven = 0;
        for (const int16_t change : most) n_uneven += change > least_step_;
        return 2 * n_uneven;
    }

    // Four times the levels by which a step exceeds the noise of the outermost lines: about 3.5 times the median
    // change between some two of them.
    int16_t measure_least_step() const {
        constexpr std::array kPlaces = {1, 2, 4, 6};
        std::array<Changes, kPlaces.size()> changes;
        for (size_t place = 0; place < kPlaces.size(); ++place)
            changes[place] = differ(window(kPlaces[place] - kWindow), window(kPlaces[place]));
        for (int step = kWindow * kLeastStep;; step += step / 4)
            for (const Changes& each : changes)
                if (2 * count_above(each, static_cast<int16_t>(2 * step / 7)) <= kSamples)
                    return static_cast<int16_t>(step);
    }

    // The step before the line `at`; four lines lie on either side of it.
    Step measure(const Levels* at) const {
        Levels before{}, after{};
        for (int number = 0; number < kWindow; ++number)
            for (size_t value = 0; value < before.size(); ++value) {
                before[value] += at[number - kWindow][value];
                after[value] += at[number][value];
            }
        const Changes change = differ(before, after);
        const Changes sharp = differ(at[-2], at[0]), sharp_after = differ(at[-1], at[1]);
        Step step;
        for (int sample = 0; sample < kSamples; ++sample) {
            // Within two lines a sharp edge rises by all of it, a slope by half.
            const int rise = sharp[sample] > sharp_after[sample] ? sharp[sample] : sharp_after[sample];
            const int is_straight = (change[sample] > least_step_) & (5 * kWindow * rise >= 3 * change[sample]);
            step.straight += is_straight;
            step.weight += is_straight * change[sample];
        }
        return step;
    }

    // The samples whose level changes anywhere between the outermost line and the innermost: a frame beside the
    // picture does not.
    int count_active() {
        if (n_active_ > 0) return n_active_;
        std::array<bool, kSamples> active{};
        Levels last = window(0);
        for (int probe = 1; probe < kActiveProbes; ++probe) {
            const Levels next =
                window(static_cast<int>(int64_t{probe} * (lines_.n_lines - kWindow) / (kActiveProbes - 1)));
            const Changes change = differ(last, next);
            for (int sample = 0; sample < kSamples; ++sample) active[sample] |= change[sample] > least_step_;
            last = next;
        }
        const auto n_active = static_cast<int>(std::count(active.begin(), active.end(), true));
        n_active_ = std::max(n_active, kSamples / kLeastActivePart);
        return n_active_;
    }

    const Lines& lines_;
    std::array<ptrdiff_t, kSamples> places_;
    int16_t least_step_ = 0;
    int n_active_ = 0;
};

}  // namespace

BorderEdge find_border_edge(const Lines& lines) {
    return lines.has_colours ? EdgeFinder<3>(lines).find() : EdgeFinder<1>(lines).find();
}

}  // namespace hashmatch
