#include "bindings/bindings.h"

#include "index/codes.h"
#include "index/nearest.h"
#include "index/scan.h"

namespace hashmatch {
namespace {

using Bytes = py::array_t<uint8_t, py::array::c_style>;
using Ids = py::array_t<int64_t, py::array::c_style>;

// Hands a vector to NumPy without copying it.
template <class T>
py::array_t<T> to_array(std::vector<T>&& values) {
    auto* kept = new std::vector<T>(std::move(values));
    const py::capsule owner(kept, [](void* vector) { delete static_cast<std::vector<T>*>(vector); });
    return py::array_t<T>(static_cast<py::ssize_t>(kept->size()), kept->data(), owner);
}

py::tuple to_tuple(SearchResult&& result) {
    return py::make_tuple(to_array(std::move(result.offsets)), to_array(std::move(result.ids)),
                          to_array(std::move(result.distances)));
}

Bytes planes_of(const Bytes& rows) {
    if (rows.ndim() != 2) throw py::value_error("codes must have two dimensions");
    const int64_t n = rows.shape(0);
    const int n_bytes = static_cast<int>(rows.shape(1));
    Bytes planes(static_cast<py::ssize_t>(plane_bytes(n, n_bytes)));
    const uint8_t* from = rows.data();
    uint8_t* to = planes.mutable_data();
    {
        const py::gil_scoped_release unlocked;
        pack_planes(from, n, n_bytes, to);
    }
    return planes;
}

// Keeps the arrays alive that the codes point into, and checks that they fit together.
class BoundCodes {
  public:
    BoundCodes(Bytes rows, Bytes planes, std::optional<Ids> ids)
        : rows_(std::move(rows)), planes_(std::move(planes)), ids_(std::move(ids)) {
        if (rows_.ndim() != 2 || rows_.shape(1) < kMinCodeBytes || rows_.shape(1) > kMaxCodeBytes)
            throw py::value_error("codes must have shape (n, 8..64)");
        codes_.n = rows_.shape(0);
        codes_.n_bytes = static_cast<int>(rows_.shape(1));
        codes_.n_planes = planes_for(codes_.n_bytes);
        if (planes_.size() != static_cast<py::ssize_t>(plane_bytes(codes_.n, codes_.n_bytes)))
            throw py::value_error("planes do not fit the codes");
        if (ids_ && (ids_->ndim() != 1 || ids_->shape(0) != rows_.shape(0)))
            throw py::value_error("ids do not fit the codes");
        codes_.rows = rows_.data();
        codes_.planes = planes_.data();
        codes_.ids = ids_ ? ids_->data() : nullptr;
    }

    py::tuple search(const Bytes& queries, int radius, int threads) const {
        const int64_t n_queries = count(queries);
        const uint8_t* data = queries.data();
        SearchResult result;
        {
            const py::gil_scoped_release unlocked;
            result = scan_search(codes_, data, n_queries, radius, threads);
        }
        return to_tuple(std::move(result));
    }

    py::tuple join(int radius, int threads) const {
        SearchResult result;
        {
            const py::gil_scoped_release unlocked;
            result = scan_join(codes_, radius, threads);
        }
        return to_tuple(std::move(result));
    }

    py::tuple nearest(const Bytes& queries, int64_t k, int threads) const {
        const int64_t n_queries = count(queries);
        const uint8_t* data = queries.data();
        SearchResult result;
        {
            const py::gil_scoped_release unlocked;
            result = hashmatch::nearest(codes_, data, n_queries, k, threads);
        }
        return to_tuple(std::move(result));
    }

  private:
    int64_t count(const Bytes& queries) const {
        if (queries.ndim() != 2 || queries.shape(1) != codes_.n_bytes)
            throw py::value_error("queries must be as wide as the codes");
        return queries.shape(0);
    }

    Bytes rows_;
    Bytes planes_;
    std::optional<Ids> ids_;
    Codes codes_{};
};

}  // namespace

void register_hamming(py::module_& core) {
    core.def("pack_planes", &planes_of, py::arg("codes").noconvert());
    py::class_<BoundCodes>(core, "Codes")
        .def(py::init<Bytes, Bytes, std::optional<Ids>>(), py::arg("rows").noconvert(), py::arg("planes").noconvert(),
             py::arg("ids").noconvert())
        .def("search", &BoundCodes::search, py::arg("queries").noconvert(), py::arg("radius"), py::arg("threads"))
        .def("join", &BoundCodes::join, py::arg("radius"), py::arg("threads"))
        .def("nearest", &BoundCodes::nearest, py::arg("queries").noconvert(), py::arg("k"), py::arg("threads"));
}

}  // namespace hashmatch
