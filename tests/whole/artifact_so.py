"""A compiled model's shared object, called from Python through its C interface (include/ingot/runtime.h)."""
import ctypes
import mmap

import numpy as np

PAGE = mmap.PAGESIZE
MAX_RANK = 12
CODES = {"i": 0, "u": 1, "f": 2, "b": 6}
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
                ("byte_offset", ctypes.c_uint64)]


class Guarded:
    """An array that ends (or, with `low`, begins) at a page that must not be touched. Lives as long as the process."""

    def __init__(self, shape, dtype, low=False):
        dtype = np.dtype(dtype)
        count = int(np.prod(shape, dtype=np.int64))
        size = count * dtype.itemsize
        body = (size + PAGE - 1) // PAGE * PAGE
        start = libc.mmap(None, body + 2 * PAGE, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
        if start is None or start == ctypes.c_void_p(-1).value:
            raise MemoryError("mmap of %d bytes" % body)
        if body and libc.mprotect(start + PAGE, body, mmap.PROT_READ | mmap.PROT_WRITE):
            raise MemoryError("mprotect")
        self.address = start + PAGE + (0 if low else body - size)
        if size:
            memory = (ctypes.c_char * size).from_address(self.address)
            self.array = np.frombuffer(memory, dtype, count).reshape(shape)
        else:
            self.array = np.empty(shape, dtype)
        # what the array does not use is filled, so that a read beyond it shows in the results
        if body > size:
            ctypes.memset(start + PAGE + (size if low else 0), 0xFF, body - size)


def tensor(array, address=None):
    """A DLTensor over a dense array; it must outlive the call."""
    shape = (ctypes.c_int64 * MAX_RANK)(*array.shape)
    return DLTensor(array.ctypes.data if address is None else address, 1, 0, array.ndim, CODES[array.dtype.kind],
                    array.dtype.itemsize * 8, 1, shape, None, 0)


def pointers(tensors):
    return (ctypes.POINTER(DLTensor) * len(tensors))(*(ctypes.pointer(t) for t in tensors))


class Model:
    """NAME.so; its weights lie beside it."""

    def __init__(self, path):
        self.library, self.name = ctypes.CDLL(str(path)), path.stem
        for verb, result, arguments in (("init", ctypes.c_void_p, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]),
                                        ("run", ctypes.c_void_p, [ctypes.c_void_p] * 3),
                                        ("destroy", None, [ctypes.c_void_p])):
            function = getattr(self.library, "%s_%s" % (self.name, verb))
            function.restype, function.argtypes = result, arguments
            setattr(self, verb, function)
        self.library.ingot_status_message.restype = ctypes.c_char_p
        self.library.ingot_status_message.argtypes = [ctypes.c_void_p]

    def check(self, status):
        if status:
            raise RuntimeError(self.library.ingot_status_message(status).decode(errors="replace"))

    def context(self):
        context = ctypes.c_void_p()
        self.check(self.init(None, ctypes.byref(context)))
        return context

    def call(self, context, inputs, outputs):
        """Runs on DLTensors, in the model's order."""
        self.check(self.run(context, ctypes.cast(pointers(inputs), ctypes.c_void_p),
                            ctypes.cast(pointers(outputs), ctypes.c_void_p)))
