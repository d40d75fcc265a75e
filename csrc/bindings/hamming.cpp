#include "bindings/bindings.h"

#include <cstring>
#include <optional>
#include <span>

#include "bindings/arrays.h"
#include "hamming/codes.h"
#include "hamming/scan.h"
#include "hamming/search.h"
#include "hamming/tables.h"

namespace hashmatch {
namespace {

using Ids = py::array_t<int64_t, py::array::c_style>;

void check_threads(int threads) {
    if (threads < 1) throw py::value_error("threads must be at least 1");
}

py::tuple to_tuple(SearchResult&& result) {
    return py::make_tuple(to_array(std::move(result.offsets)), to_array(std::move(result.ids)),
                          to_array(std::move(result.distances)));
}

Bytes copy_codes(const Bytes& rows) {
    if (rows.ndim() != 2) throw py::value_error("codes must have two dimensions");
    Bytes copy = make_array<uint8_t>({rows.shape(0), rows.shape(1)});
    if (rows.nbytes() > 0) std::memcpy(copy.mutable_data(), rows.data(), rows.nbytes());
    return copy;
}

Bytes make_planes(const Bytes& rows) {
    if (rows.ndim() != 2) throw py::value_error("codes must have two dimensions");
    const int64_t n = rows.shape(0);
    const int n_bytes = static_cast<int>(rows.shape(1));
    Bytes planes = make_array<uint8_t>({static_cast<py::ssize_t>(plane_bytes(n, n_bytes))});
    const uint8_t* from = rows.data();
    uint8_t* to = planes.mutable_data();
    {
        const py::gil_scoped_release unlocked;
        pack_planes(from, n, n_bytes, to);
    }
    return planes;
}

// The arrays of the tables, with the layout they were built for.
struct TableArrays {
    int n_substrings;
    int substring_bits;
    py::array_t<uint32_t, py::array::c_style> directory;
    py::array_t<uint32_t, py::array::c_style> postings;
    py::array_t<uint16_t, py::array::c_style> sketches;
    std::optional<Bytes> sketches2;
};

template <class T>
std::span<T> mutable_span(py::array_t<T, py::array::c_style>& array) {
    return {array.mutable_data(), static_cast<size_t>(array.size())};
}

template <class T>
std::span<const T> const_span(const py::array_t<T, py::array::c_style>& array) {
    return {array.data(), static_cast<size_t>(array.size())};
}

// Sketches are read by whole cache lines, so the first line must not begin before the array does. Arrays that
// we allocated or mapped are aligned; others are copied.
using Sketches = py::array_t<uint16_t, py::array::c_style>;
Sketches align_sketches(const Sketches& sketches) {
    if (reinterpret_cast<uintptr_t>(sketches.data()) % 64 == 0) return sketches;
    Sketches copy = make_array<uint16_t>({sketches.size()});
    std::memcpy(copy.mutable_data(), sketches.data(), sketches.nbytes());
    return copy;
}

// Chooses the layout, unless it is given as (n_substrings, substring_bits), and whether there are second
// sketches, by the cost model.
std::optional<TableArrays> build_table_arrays(const Bytes& rows, int threads,
                                              std::optional<std::pair<int, int>> given_layout,
                                              std::optional<bool> second_sketches) {
    if (rows.ndim() != 2) throw py::value_error("codes must have two dimensions");
    check_threads(threads);
    const int64_t n = rows.shape(0);
    const int n_bytes = static_cast<int>(rows.shape(1));
    const SubstringLayout layout = given_layout
                                       ? SubstringLayout{given_layout->first, given_layout->second, 8 * n_bytes}
                                       : choose_layout(n, 8 * n_bytes);
    if (layout.n_substrings == 0) return std::nullopt;
    if (!is_sound(layout)) throw py::value_error("codes cannot be cut that way");
    const auto shape = [](size_t size) { return std::vector<py::ssize_t>{static_cast<py::ssize_t>(size)}; };
    TableArrays arrays{layout.n_substrings,
                       layout.substring_bits,
                       make_array<uint32_t>(shape(directory_size(layout))),
                       make_array<uint32_t>(shape(postings_size(layout, n))),
                       make_array<uint16_t>(shape(sketches_size(layout, n))),
                       std::nullopt};
    if (second_sketches.value_or(wants_second_sketches(layout, n)))
        arrays.sketches2 = make_array<uint8_t>(shape(postings_size(layout, n)));
    const Codes codes{rows.data(), nullptr, nullptr, n, n_bytes, 0};
    const TableSpans spans{mutable_span(arrays.directory), mutable_span(arrays.postings), mutable_span(arrays.sketches),
                           arrays.sketches2 ? mutable_span(*arrays.sketches2) : std::span<uint8_t>{}};
    {
        const py::gil_scoped_release unlocked;
        build_tables(codes, layout, threads, spans);
    }
    return arrays;
}

// An index: a searcher, and the arrays that its codes and tables point into, checked to fit together.
class BoundIndex {
  public:
    BoundIndex(Bytes rows, Bytes planes, std::optional<Ids> ids, std::optional<TableArrays> tables)
        : rows_(std::move(rows)), planes_(std::move(planes)), ids_(std::move(ids)), arrays_(std::move(tables)) {
        if (rows_.ndim() != 2 || rows_.shape(1) < kMinCodeBytes || rows_.shape(1) > kMaxCodeBytes)
            throw py::value_error("codes must have shape (n, 8..64)");
        const int64_t n = rows_.shape(0);
        const int n_bytes = static_cast<int>(rows_.shape(1));
        if (planes_.size() != static_cast<py::ssize_t>(plane_bytes(n, n_bytes)))
            throw py::value_error("planes do not fit the codes");
        if (ids_ && (ids_->ndim() != 1 || ids_->shape(0) != rows_.shape(0)))
            throw py::value_error("ids do not fit the codes");
        const Codes codes{rows_.data(), planes_.data(), ids_ ? ids_->data() : nullptr, n, n_bytes, planes_for(n_bytes)};
        searcher_.emplace(codes, arrays_ ? std::optional<Tables>(bind_tables(codes)) : std::nullopt);
    }

    py::tuple search(const py::array& queries, int radius, int threads, std::optional<Strategy> strategy) const {
        check_threads(threads);
        const int64_t n_queries = check_queries(queries);
        const uint8_t* data = static_cast<const uint8_t*>(queries.data());
        const SearchPlan plan = strategy ? searcher_->planner().plan(radius, n_queries, *strategy)
                                         : searcher_->planner().plan(radius, n_queries);
        return unlocked([&] { return searcher_->search(data, n_queries, radius, threads, plan); });
    }

    py::tuple nearest(const py::array& queries, int64_t k, int threads) const {
        check_threads(threads);
        const int64_t n_queries = check_queries(queries);
        const uint8_t* data = static_cast<const uint8_t*>(queries.data());
        return unlocked([&] { return searcher_->nearest(data, n_queries, k, threads); });
    }

    py::tuple join(int radius, int threads) const {
        check_threads(threads);
        return unlocked([&] { return searcher_->join(radius, threads); });
    }

    Bytes constant_time(const py::array& queries, int radius, int threads) const {
        check_threads(threads);
        const int64_t n_queries = check_queries(queries);
        const uint8_t* data = static_cast<const uint8_t*>(queries.data());
        Bytes bitmaps({static_cast<py::ssize_t>(n_queries), static_cast<py::ssize_t>((searcher_->codes().n + 7) / 8)});
        uint8_t* to = bitmaps.mutable_data();
        {
            const py::gil_scoped_release unlocked;
            constant_time_scan(searcher_->codes(), data, n_queries, radius, threads, to);
        }
        return bitmaps;
    }

    py::dict plan(int radius, int64_t n_queries) const {
        const SubstringLayout layout = searcher_->layout();
        const SearchPlan plan = searcher_->planner().plan(radius, n_queries);
        py::dict facts;
        facts["strategy"] = plan.strategy;
        facts["n_substrings"] = layout.n_substrings;
        facts["substring_bits"] = layout.substring_bits;
        facts["thresholds"] = plan.thresholds ? *plan.thresholds : std::vector<int>{};
        facts["filter_bits"] = 8 * plan.n_filter_planes;
        facts["probes"] = plan.cost.probes;
        facts["candidates"] = plan.cost.candidates;
        facts["verified"] = plan.cost.verified;
        facts["cost_us"] = plan.cost.ns / 1000;
        facts["scan_cost_us"] = plan.scan_cost.ns / 1000;
        return facts;
    }

  private:
    Tables bind_tables(const Codes& codes) const {
        const SubstringLayout layout{arrays_->n_substrings, arrays_->substring_bits, 8 * codes.n_bytes};
        if (!is_sound(layout)) throw py::value_error("tables have an impossible layout");
        const ConstTableSpans spans{const_span(arrays_->directory), const_span(arrays_->postings),
                                    const_span(arrays_->sketches),
                                    arrays_->sketches2 ? const_span(*arrays_->sketches2) : std::span<const uint8_t>{}};
        if (!has_fitting_sizes(spans, layout, codes.n)) throw py::value_error("tables do not fit the codes");
        return {layout, codes.n, spans};
    }

    // Checks that queries are what search() reads, and returns their number. The array is taken as it is: even a
    // conversion that has nothing to convert would take a good part of the time of a search.
    int64_t check_queries(const py::array& queries) const {
        if (queries.dtype().num() != py::dtype::num_of<uint8_t>() || (queries.flags() & py::array::c_style) == 0)
            throw py::value_error("queries must be uint8 in C order");
        if (queries.ndim() != 2 || queries.shape(1) != searcher_->codes().n_bytes)
            throw py::value_error("queries must be as wide as the codes");
        return queries.shape(0);
    }

    template <class Work>
    static py::tuple unlocked(const Work& work) {
        SearchResult result;
        {
            const py::gil_scoped_release unlocked;
            result = work();
        }
        return to_tuple(std::move(result));
    }

    Bytes rows_;
    Bytes planes_;
    std::optional<Ids> ids_;
    std::optional<TableArrays> arrays_;
    std::optional<Searcher> searcher_;
};

}  // namespace

void register_hamming(py::module_& core) {
    core.def("copy_codes", &copy_codes, py::arg("codes").noconvert());
    core.def("pack_planes", &make_planes, py::arg("codes").noconvert());
    core.def("build_tables", &build_table_arrays, py::arg("codes").noconvert(), py::arg("threads"),
             py::arg("layout") = py::none(), py::arg("second_sketches") = py::none());
    py::class_<TableArrays>(core, "Tables")
        .def(py::init([](int n_substrings, int substring_bits, py::array_t<uint32_t, py::array::c_style> directory,
                         py::array_t<uint32_t, py::array::c_style> postings, const Sketches& sketches,
                         std::optional<Bytes> sketches2) {
                 return TableArrays{n_substrings,        substring_bits,           std::move(directory),
                                    std::move(postings), align_sketches(sketches), std::move(sketches2)};
             }),
             py::arg("n_substrings"), py::arg("substring_bits"), py::arg("directory").noconvert(),
             py::arg("postings").noconvert(), py::arg("sketches").noconvert(),
             py::arg("sketches2").noconvert() = py::none())
        .def_readonly("n_substrings", &TableArrays::n_substrings)
        .def_readonly("substring_bits", &TableArrays::substring_bits)
        .def_readonly("directory", &TableArrays::directory)
        .def_readonly("postings", &TableArrays::postings)
        .def_readonly("sketches", &TableArrays::sketches)
        .def_readonly("sketches2", &TableArrays::sketches2);
    py::native_enum<Strategy>(core, "Strategy", "enum.Enum")
        .value("scan", Strategy::kScan)
        .value("probe", Strategy::kProbe)
        .value("batch_probe", Strategy::kBatchProbe)
        .finalize();
    py::class_<BoundIndex>(core, "Index")
        .def(py::init<Bytes, Bytes, std::optional<Ids>, std::optional<TableArrays>>(), py::arg("rows").noconvert(),
             py::arg("planes").noconvert(), py::arg("ids").noconvert(), py::arg("tables"))
        .def("search", &BoundIndex::search, py::arg("queries"), py::arg("radius"), py::arg("threads"),
             py::arg("strategy") = py::none())
        .def("nearest", &BoundIndex::nearest, py::arg("queries"), py::arg("k"), py::arg("threads"))
        .def("join", &BoundIndex::join, py::arg("radius"), py::arg("threads"))
        .def("constant_time", &BoundIndex::constant_time, py::arg("queries"), py::arg("radius"), py::arg("threads"))
        .def("plan", &BoundIndex::plan, py::arg("radius"), py::arg("n_queries"));
}

}  // namespace hashmatch
