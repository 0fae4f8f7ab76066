/* One step of any cell, called from Python without allocation; and the addresses of arrays, for other calls.

   In: a table (struct table below, which fastcall.py mirrors) that says where the step's function and its bound
   arguments are, and which arrays a call is to bring. Out: a function step(inputs, outputs) -> bool.

   True: the step was made and the state advanced. False: nothing happened, because an argument is not exactly what
   the table says, or because the step returned an error; the caller then goes the slow way, which accepts the argument
   or words the refusal. So there is one place for messages, and no exception starts here.

   The GIL is held during the step, unless the table says that it takes long: giving it up and taking it back costs as
   much as the rest of the call. Nothing here is static but code: a module has no state, a call keeps all on its stack. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000 /* 3.11, the first with buffers */
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define MOST 16 /* arrays of one side: MOST in fastcall.py */
#define CAPSULE "derive.native.fastcall.table"

typedef int step_function(const void *dims, const void *params, const void *packed, const void *inputs,
                          const void *state, void *outputs, void *new_state, void *work, const void *options);

struct side {
    PyObject *names;          /* a tuple of strings, one an array, at most MOST */
    const Py_ssize_t *shapes; /* an array after the other: the number of its axes, then their lengths */
};

struct table {
    step_function *step;
    const void *dims, *params, *packed, *options;
    void *work;
    void *states[2];              /* structs of pointers: the present state and the one to come, ... */
    int *turn;                    /* ... the present one being states[*turn] */
    PyObject *array, *dtype;      /* the only type of array, and its only dtype, that a call accepts */
    PyObject *_dtype, *_fields;   /* the strings "dtype" and "_fields" */
    struct side inputs, outputs;
    PyObject *owner;              /* of all the memory above */
    Py_ssize_t itemsize;
    int gives_up_gil;
};

/* The buffers that a call has taken of one side, and their addresses as the step's struct wants them. */
struct taken {
    void *addresses[MOST];
    Py_buffer views[MOST];
    Py_ssize_t count;
};

/* Whether object.name is `wanted`, or equal to it; 0 where there is no such attribute. */
static int attribute_is(PyObject *object, PyObject *name, PyObject *wanted, int or_equal)
{
    PyObject *value = PyObject_GetAttr(object, name);
    int same = value == wanted;
    if (value && !same && or_equal) same = PyObject_RichCompareBool(value, wanted, Py_EQ) == 1;
    Py_XDECREF(value);
    if (!same) PyErr_Clear();
    return same;
}

static int is_named_tuple(const struct table *table, const struct side *side, PyObject *value)
{
    return PyTuple_Check(value) && PyTuple_Size(value) == PyTuple_Size(side->names)
        && attribute_is(value, table->_fields, side->names, 1);
}

static int has_shape(const Py_buffer *view, const Py_ssize_t *shape)
{
    if (view->ndim != shape[0]) return 0;
    for (int axis = 0; axis < view->ndim; axis++)
        if (view->shape[axis] != shape[axis + 1]) return 0;
    return 1;
}

/* Take the buffer of one array, if it is what the table says. */
static int take(const struct table *table, PyObject *array, const Py_ssize_t *shape, int flags, struct taken *taken)
{
    Py_buffer *view = &taken->views[taken->count];
    if (!Py_IS_TYPE(array, (PyTypeObject *)table->array)) return 0;
    if (!attribute_is(array, table->_dtype, table->dtype, 0)) return 0;
    if (PyObject_GetBuffer(array, view, flags) < 0) {
        PyErr_Clear();
        return 0;
    }
    taken->addresses[taken->count++] = view->buf;
    return has_shape(view, shape) && (uintptr_t)view->buf % (uintptr_t)table->itemsize == 0;
}

/* Take all arrays of one side; a single one may come without a NamedTuple around it. */
static int take_side(const struct table *table, const struct side *side, PyObject *value, int flags,
                     struct taken *taken)
{
    const Py_ssize_t *shape = side->shapes;
    Py_ssize_t count = PyTuple_Size(side->names);
    if (count == 1 && !PyTuple_Check(value)) return take(table, value, shape, flags, taken);
    if (!is_named_tuple(table, side, value)) return 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!take(table, PyTuple_GetItem(value, i), shape, flags, taken)) return 0;
        shape += 1 + shape[0];
    }
    return 1;
}

static void release(struct taken *taken)
{
    while (taken->count) PyBuffer_Release(&taken->views[--taken->count]);
}

static int advance(const struct table *table, struct taken *inputs, struct taken *outputs)
{
    int now = *table->turn;
    PyThreadState *thread = table->gives_up_gil ? PyEval_SaveThread() : NULL;
    int code = table->step(table->dims, table->params, table->packed, inputs->addresses, table->states[now],
                           outputs->addresses, table->states[!now], table->work, table->options);
    if (thread) PyEval_RestoreThread(thread);
    if (code == 0) *table->turn = !now;
    return code == 0;
}

static PyObject *step(PyObject *capsule, PyObject *const *arguments, Py_ssize_t count)
{
    const struct table *table = PyCapsule_GetPointer(capsule, CAPSULE);
    struct taken inputs, outputs;
    int done;
    if (!table) return NULL;
    inputs.count = outputs.count = 0;
    done = count == 2
        && take_side(table, &table->inputs, arguments[0], PyBUF_C_CONTIGUOUS, &inputs)
        && take_side(table, &table->outputs, arguments[1], PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE, &outputs)
        && advance(table, &inputs, &outputs);
    release(&outputs);
    release(&inputs);
    return PyBool_FromLong(done);
}

static PyMethodDef STEP = {"step", (PyCFunction)(void (*)(void))step, METH_FASTCALL,
                           "step(inputs, outputs) -> whether the step was made"};

static void forget(PyObject *capsule)
{
    Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule));
}

/* The function of one table, which it keeps alive. */
static PyObject *bind(PyObject *module, PyObject *table)
{
    Py_buffer view;
    PyObject *capsule, *function;
    (void)module;
    if (PyObject_GetBuffer(table, &view, PyBUF_SIMPLE) < 0) return NULL;
    capsule = view.len == (Py_ssize_t)sizeof(struct table) ? PyCapsule_New(view.buf, CAPSULE, forget) : NULL;
    PyBuffer_Release(&view);
    if (!capsule) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "table: got one of another layout");
        return NULL;
    }
    if (PyCapsule_SetContext(capsule, Py_NewRef(table)) < 0) {
        Py_DECREF(table);
        Py_DECREF(capsule);
        return NULL;
    }
    function = PyCFunction_NewEx(&STEP, capsule, NULL);
    Py_DECREF(capsule);
    return function;
}

/* The addresses of the arrays in a list, all of them contiguous, as a struct of pointers. */
static PyObject *addresses(PyObject *module, PyObject *arrays)
{
    Py_ssize_t count = PyList_Size(arrays);
    PyObject *pointers = count < 0 ? NULL : PyBytes_FromStringAndSize(NULL, count * (Py_ssize_t)sizeof(void *));
    (void)module;
    for (Py_ssize_t i = 0; pointers && i < count; i++) {
        Py_buffer view;
        if (PyObject_GetBuffer(PyList_GetItem(arrays, i), &view, PyBUF_SIMPLE) < 0) {
            Py_DECREF(pointers);
            return NULL;
        }
        memcpy(PyBytes_AsString(pointers) + (size_t)i * sizeof(void *), &view.buf, sizeof(void *));
        PyBuffer_Release(&view);
    }
    return pointers;
}

static PyMethodDef METHODS[] = {
    {"addresses", addresses, METH_O, "addresses(list of arrays) -> a struct of pointers to them, as bytes"},
    {"bind", bind, METH_O, "bind(table) -> the function step(inputs, outputs) of this table"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot SLOTS[] = {{0, NULL}};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "fastcall", NULL, 0, METHODS, SLOTS, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_fastcall(void)
{
    return PyModuleDef_Init(&MODULE);
}
