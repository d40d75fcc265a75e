#include "bindings/bindings.h"

#include <cstring>
#include <optional>

#include "bindings/arrays.h"
#include "hamming/codes.h"
#include "hamming/search.h"
#include "hamming/tables.h"

namespace hashmatch {
namespace {

using Bytes = py::array_t<uint8_t, py::array::c_style>;
using Ids = py::array_t<int64_t, py::array::c_style>;

py::tuple to_tuple(SearchResult&& result) {
    return py::make_tuple(to_array(std::move(result.offsets)), to_array(std::move(result.ids)),
                          to_array(std::move(result.distances)));
}

Bytes copy_of(const Bytes& rows) {
    if (rows.ndim() != 2) throw py::value_error("codes must have two dimensions");
    Bytes copy = make_array<uint8_t>({rows.shape(0), rows.shape(1)});
    if (rows.nbytes() > 0) std::memcpy(copy.mutable_data(), rows.data(), static_cast<size_t>(rows.nbytes()));
    return copy;
}

Bytes planes_of(const Bytes& rows) {
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

// The arrays of the tables; they refer to nothing else and keep themselves alive.
struct TableArrays {
    int n_parts;
    int part_bits;
    py::array_t<uint32_t, py::array::c_style> directory;
    py::array_t<uint32_t, py::array::c_style> postings;
    py::array_t<uint16_t, py::array::c_style> sketches;
    std::optional<Bytes> sketches2;
};

// Sketches are read by cache lines, which must not begin before the array does; ours and mapped ones never do.
using Sketches = py::array_t<uint16_t, py::array::c_style>;
Sketches on_cache_line(const Sketches& sketches) {
    if (reinterpret_cast<uintptr_t>(sketches.data()) % 64 == 0) return sketches;
    Sketches copy = make_array<uint16_t>({sketches.size()});
    std::memcpy(copy.mutable_data(), sketches.data(), static_cast<size_t>(sketches.nbytes()));
    return copy;
}

// The layout is the cost model's unless it is given as (n_parts, part_bits), and so is whether there are
// second sketches.
std::optional<TableArrays> tables_of(const Bytes& rows, int threads, std::optional<std::pair<int, int>> given,
                                     std::optional<bool> second_sketches) {
    if (rows.ndim() != 2) throw py::value_error("codes must have two dimensions");
    const int64_t n = rows.shape(0);
    const int n_bytes = static_cast<int>(rows.shape(1));
    const PartLayout layout =
        given ? PartLayout{given->first, given->second, 8 * n_bytes} : choose_layout(n, 8 * n_bytes);
    if (layout.n_parts == 0) return std::nullopt;
    if (!is_sound(layout)) throw py::value_error("codes cannot be cut that way");
    TableArrays arrays{layout.n_parts,
                       layout.part_bits,
                       make_array<uint32_t>({static_cast<py::ssize_t>(directory_size(layout))}),
                       make_array<uint32_t>({static_cast<py::ssize_t>(postings_size(layout, n))}),
                       make_array<uint16_t>({static_cast<py::ssize_t>(sketches_size(layout, n))}),
                       std::nullopt};
    if (second_sketches.value_or(wants_second_sketches(layout, n)))
        arrays.sketches2 = make_array<uint8_t>({static_cast<py::ssize_t>(postings_size(layout, n))});
    const Codes codes{rows.data(), nullptr, nullptr, n, n_bytes, 0};
    uint32_t* directory = arrays.directory.mutable_data();
    uint32_t* postings = arrays.postings.mutable_data();
    uint16_t* sketches = arrays.sketches.mutable_data();
    uint8_t* sketches2 = arrays.sketches2 ? arrays.sketches2->mutable_data() : nullptr;
    {
        const py::gil_scoped_release unlocked;
        build_tables(codes, layout, threads, directory, postings, sketches, sketches2);
    }
    return arrays;
}

// Keeps the arrays alive that the codes and tables point into, and checks that they fit together.
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
        engine_.emplace(codes, arrays_ ? std::optional<Tables>(bound_tables(codes)) : std::nullopt);
    }

    py::tuple search(const py::array& queries, int radius, int threads, std::optional<Way> way) const {
        const int64_t n_queries = count(queries);
        const uint8_t* data = static_cast<const uint8_t*>(queries.data());
        const SearchPlan plan =
            way ? engine_->planner().plan(radius, n_queries, *way) : engine_->planner().plan(radius, n_queries);
        return unlocked([&] { return engine_->search(data, n_queries, radius, threads, plan); });
    }

    py::tuple nearest(const py::array& queries, int64_t k, int threads) const {
        const int64_t n_queries = count(queries);
        const uint8_t* data = static_cast<const uint8_t*>(queries.data());
        return unlocked([&] { return engine_->nearest(data, n_queries, k, threads); });
    }

    py::tuple join(int radius, int threads) const {
        return unlocked([&] { return engine_->join(radius, threads); });
    }

    Bytes constant_time(const py::array& queries, int radius, int threads) const {
        const int64_t n_queries = count(queries);
        const uint8_t* data = static_cast<const uint8_t*>(queries.data());
        Bytes bitmaps({static_cast<py::ssize_t>(n_queries), static_cast<py::ssize_t>((engine_->codes().n + 7) / 8)});
        uint8_t* to = bitmaps.mutable_data();
        {
            const py::gil_scoped_release unlocked;
            constant_time_scan(engine_->codes(), data, n_queries, radius, threads, to);
        }
        return bitmaps;
    }

    // A plan in plain words and numbers.
    py::dict plan(int radius, int64_t n_queries) const {
        const PartLayout layout = engine_->layout();
        const SearchPlan plan = engine_->planner().plan(radius, n_queries);
        py::dict told;
        told["way"] = plan.way;
        told["n_parts"] = layout.n_parts;
        told["part_bits"] = layout.part_bits;
        told["thresholds"] = plan.thresholds ? *plan.thresholds : std::vector<int>{};
        told["filter_bits"] = 8 * plan.scan.n_planes;
        told["probes"] = plan.cost.probes;
        told["candidates"] = plan.cost.candidates;
        told["verified"] = plan.cost.verified;
        told["cost_us"] = plan.cost.ns / 1000;
        told["scan_cost_us"] = plan.scan_cost.ns / 1000;
        return told;
    }

  private:
    Tables bound_tables(const Codes& codes) const {
        const PartLayout layout{arrays_->n_parts, arrays_->part_bits, 8 * codes.n_bytes};
        if (!is_sound(layout)) throw py::value_error("tables have an impossible layout");
        const auto fits = [](const py::array& array, size_t size) {
            return array.size() == static_cast<py::ssize_t>(size);
        };
        if (!fits(arrays_->directory, directory_size(layout)) ||
            !fits(arrays_->postings, postings_size(layout, codes.n)) ||
            !fits(arrays_->sketches, sketches_size(layout, codes.n)) ||
            (arrays_->sketches2 && !fits(*arrays_->sketches2, postings_size(layout, codes.n))))
            throw py::value_error("tables do not fit the codes");
        return {layout,
                codes.n,
                arrays_->directory.data(),
                arrays_->postings.data(),
                arrays_->sketches.data(),
                arrays_->sketches2 ? arrays_->sketches2->data() : nullptr};
    }

    // Number of queries, once they are what search() reads. Looked at as they are, for a conversion that finds
    // nothing to convert still takes a good part of what a search does.
    int64_t count(const py::array& queries) const {
        if (queries.dtype().num() != py::dtype::num_of<uint8_t>() || (queries.flags() & py::array::c_style) == 0)
            throw py::value_error("queries must be uint8 in C order");
        if (queries.ndim() != 2 || queries.shape(1) != engine_->codes().n_bytes)
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
    std::optional<Engine> engine_;
};

}  // namespace

void register_hamming(py::module_& core) {
    core.def("copy_codes", &copy_of, py::arg("codes").noconvert());
    core.def("pack_planes", &planes_of, py::arg("codes").noconvert());
    core.def("build_tables", &tables_of, py::arg("codes").noconvert(), py::arg("threads"),
             py::arg("layout") = py::none(), py::arg("second_sketches") = py::none());
    py::class_<TableArrays>(core, "Tables")
        .def(py::init([](int n_parts, int part_bits, py::array_t<uint32_t, py::array::c_style> directory,
                         py::array_t<uint32_t, py::array::c_style> postings, const Sketches& sketches,
                         std::optional<Bytes> sketches2) {
                 return TableArrays{n_parts,
                                    part_bits,
                                    std::move(directory),
                                    std::move(postings),
                                    on_cache_line(sketches),
                                    std::move(sketches2)};
             }),
             py::arg("n_parts"), py::arg("part_bits"), py::arg("directory").noconvert(),
             py::arg("postings").noconvert(), py::arg("sketches").noconvert(),
             py::arg("sketches2").noconvert() = py::none())
        .def_readonly("n_parts", &TableArrays::n_parts)
        .def_readonly("part_bits", &TableArrays::part_bits)
        .def_readonly("directory", &TableArrays::directory)
        .def_readonly("postings", &TableArrays::postings)
        .def_readonly("sketches", &TableArrays::sketches)
        .def_readonly("sketches2", &TableArrays::sketches2);
    py::native_enum<Way>(core, "Way", "enum.Enum")
        .value("scan", Way::kScan)
        .value("probe", Way::kProbe)
        .value("grouped", Way::kGrouped)
        .finalize();
    py::class_<BoundIndex>(core, "Index")
        .def(py::init<Bytes, Bytes, std::optional<Ids>, std::optional<TableArrays>>(), py::arg("rows").noconvert(),
             py::arg("planes").noconvert(), py::arg("ids").noconvert(), py::arg("tables"))
        .def("search", &BoundIndex::search, py::arg("queries"), py::arg("radius"), py::arg("threads"),
             py::arg("way") = py::none())
        .def("nearest", &BoundIndex::nearest, py::arg("queries"), py::arg("k"), py::arg("threads"))
        .def("join", &BoundIndex::join, py::arg("radius"), py::arg("threads"))
        .def("constant_time", &BoundIndex::constant_time, py::arg("queries"), py::arg("radius"), py::arg("threads"))
        .def("plan", &BoundIndex::plan, py::arg("radius"), py::arg("n_queries"));
}

}  // namespace hashmatch
