/* One step of any cell, called from Python without allocation; any function of a cell, on arrays like those of an
   earlier call; and the addresses of arrays, for other calls.

   In: a table (struct table or struct plan below, which fastcall.py mirrors) that says where the function and its bound
   arguments are, and which arrays a call is to bring. Out: a function step(inputs, outputs) -> bool, or
   call(argument, ...) -> bool with one argument for each pointer between dims and options.

   True: the function did its work; a state advanced. False: nothing happened, because an argument is not exactly what
   the table says, or because the function returned an error; the caller then goes the slow way, which accepts the
   argument or words the refusal. So there is one place for messages, and no exception starts here.

   The GIL is held during the step, unless the table says that it takes long: giving it up and taking it back costs as
   much as the rest of the call. A planned call gives it up. Nothing here is static but code: a module has no state, a
   call keeps all on its stack. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000 /* 3.11, the first with buffers */
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define MOST 16 /* arrays of one side: MOST in fastcall.py */
#define CAPSULE "derive.native.fastcall.table"
#define MOST_ARGUMENTS 11 /* of a planned call: MOST_ARGUMENTS in fastcall.py */
#define MOST_PLANNED 128  /* arrays of all its arguments: MOST_PLANNED in fastcall.py */
#define PLAN "derive.native.fastcall.plan"
#define ALIGNMENT 64 /* of memory: ALIGNMENT in interface.py */

typedef int step_function(const void *dims, const void *params, const void *packed, const void *inputs,
                          const void *state, void *outputs, void *new_state, void *work, const void *options);

struct side {
    PyObject *names;          /* a tuple of strings, one an array, at most MOST */
    const Py_ssize_t *shapes; /* an array after the other: the number of its axes, then their lengths */
};

/* What every array of a call has to be. */
struct exact {
    PyObject *array, *dtype;    /* the only type of array, and its only dtype */
    PyObject *_dtype, *_fields; /* the strings "dtype" and "_fields" */
    Py_ssize_t itemsize;
};

struct table {
    step_function *step;
    const void *dims, *params, *packed, *options;
    void *work;
    void *states[2];              /* structs of pointers: the present state and the one to come, ... */
    int *turn;                    /* ... the present one being states[*turn] */
    struct exact exact;
    struct side inputs, outputs;
    PyObject *owner;              /* of all the memory above */
    int gives_up_gil;
};

/* What one argument of a planned call has to be. */
enum kind {
    NOTHING,  /* None: a NULL pointer */
    MEMORY,   /* a buffer, used from its first aligned byte on */
    POINTERS, /* bytes: a struct of pointers, made from arrays that were checked */
    CHECKED,  /* a tuple of arrays that were checked */
    RESULT,   /* a tuple of arrays that were made for this call */
    NAMED,    /* a NamedTuple of arrays, to be checked */
    ALONE     /* the same, or a single array without one around it */
};

struct argument {
    Py_ssize_t kind;
    struct side side;
};

struct plan {
    void (*function)(void);
    const void *dims, *options;
    struct exact exact;
    PyObject *owner; /* of the memory above, and of the shapes */
    Py_ssize_t count;
    struct argument arguments[MOST_ARGUMENTS];
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

static int is_named_tuple(const struct exact *exact, const struct side *side, PyObject *value)
{
    return PyTuple_Check(value) && PyTuple_Size(value) == PyTuple_Size(side->names)
        && attribute_is(value, exact->_fields, side->names, 1);
}

static int has_shape(const Py_buffer *view, const Py_ssize_t *shape)
{
    if (view->ndim != shape[0]) return 0;
    for (int axis = 0; axis < view->ndim; axis++)
        if (view->shape[axis] != shape[axis + 1]) return 0;
    return 1;
}

/* Take the buffer of one array, if it is what the table says; 1 where the caller has to release it and may use it. */
static int take(const struct exact *exact, PyObject *array, const Py_ssize_t *shape, int flags, Py_buffer *view)
{
    if (!Py_IS_TYPE(array, (PyTypeObject *)exact->array)) return 0;
    if (!attribute_is(array, exact->_dtype, exact->dtype, 0)) return 0;
    if (PyObject_GetBuffer(array, view, flags) < 0) {
        PyErr_Clear();
        return 0;
    }
    if (has_shape(view, shape) && (uintptr_t)view->buf % (uintptr_t)exact->itemsize == 0) return 1;
    PyBuffer_Release(view);
    return 0;
}

/* Take one array of a side, and note its address. */
static int take_next(const struct exact *exact, PyObject *array, const Py_ssize_t *shape, int flags,
                     struct taken *taken)
{
    Py_buffer *view = &taken->views[taken->count];
    if (!take(exact, array, shape, flags, view)) return 0;
    taken->addresses[taken->count++] = view->buf;
    return 1;
}

/* Take all arrays of one side; a single one may come without a NamedTuple around it. */
static int take_side(const struct exact *exact, const struct side *side, PyObject *value, int flags,
                     struct taken *taken)
{
    const Py_ssize_t *shape = side->shapes;
    Py_ssize_t count = PyTuple_Size(side->names);
    if (count == 1 && !PyTuple_Check(value)) return take_next(exact, value, shape, flags, taken);
    if (!is_named_tuple(exact, side, value)) return 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!take_next(exact, PyTuple_GetItem(value, i), shape, flags, taken)) return 0;
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
        && take_side(&table->exact, &table->inputs, arguments[0], PyBUF_C_CONTIGUOUS, &inputs)
        && take_side(&table->exact, &table->outputs, arguments[1], PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE, &outputs)
        && advance(table, &inputs, &outputs);
    release(&outputs);
    release(&inputs);
    return PyBool_FromLong(done);
}

static PyMethodDef STEP = {"step", (PyCFunction)(void (*)(void))step, METH_FASTCALL,
                           "step(inputs, outputs) -> whether the step was made"};

/* The address of one array's items; checked for what the plan says where there is a shape to check. NULL: declined.
   The arguments of the call hold the array, so its buffer need not be held as well. */
static void *address_of(const struct exact *exact, PyObject *array, const Py_ssize_t *shape)
{
    Py_buffer view;
    if (shape) {
        if (!take(exact, array, shape, PyBUF_C_CONTIGUOUS, &view)) return NULL;
    } else if (PyObject_GetBuffer(array, &view, PyBUF_SIMPLE) < 0) {
        PyErr_Clear();
        return NULL;
    }
    PyBuffer_Release(&view);
    return view.buf;
}

/* The struct of pointers to the arrays of one argument, put where *next is. NULL: declined. */
static void *struct_of(const struct exact *exact, const struct argument *argument, PyObject *value, void ***next)
{
    void **addresses = *next;
    Py_ssize_t count = PyTuple_Size(argument->side.names);
    const Py_ssize_t *shape = argument->kind < NAMED ? NULL : argument->side.shapes;
    int named = PyTuple_Check(value);
    if (named ? PyTuple_Size(value) != count : argument->kind != ALONE || count != 1) return NULL;
    if (named && shape && !is_named_tuple(exact, &argument->side, value)) return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!((*next)[0] = address_of(exact, named ? PyTuple_GetItem(value, i) : value, shape))) return NULL;
        if (shape) shape += 1 + shape[0];
        ++*next;
    }
    return addresses;
}

/* What the function gets for one argument; 0: declined. */
static int pass(const struct exact *exact, const struct argument *argument, PyObject *value, void ***next,
                void **passed)
{
    *passed = NULL;
    switch (argument->kind) {
    case NOTHING:
        return value == Py_None;
    case MEMORY:
        *passed = address_of(exact, value, NULL);
        if (*passed) *passed = (char *)*passed + -(uintptr_t)*passed % ALIGNMENT;
        return *passed != NULL;
    case POINTERS:
        if (!PyBytes_Check(value)) return 0;
        *passed = PyBytes_AsString(value);
        return PyBytes_Size(value) == PyTuple_Size(argument->side.names) * (Py_ssize_t)sizeof(void *);
    default:
        *passed = struct_of(exact, argument, value, next);
        return *passed != NULL;
    }
}

typedef int of_7(const void *, void *, void *, void *, void *, void *, void *, void *, const void *);
typedef int of_8(const void *, void *, void *, void *, void *, void *, void *, void *, void *, const void *);
typedef int of_11(const void *, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *,
                  const void *);

/* The three numbers of arguments that functions of a cell have: step, forward, backward. */
static int apply(const struct plan *plan, void **a)
{
    const void *d = plan->dims, *o = plan->options;
    switch (plan->count) {
    case 7:
        return ((of_7 *)plan->function)(d, a[0], a[1], a[2], a[3], a[4], a[5], a[6], o);
    case 8:
        return ((of_8 *)plan->function)(d, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], o);
    case 11:
        return ((of_11 *)plan->function)(d, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], o);
    default:
        return -1;
    }
}

static PyObject *call(PyObject *capsule, PyObject *const *arguments, Py_ssize_t count)
{
    const struct plan *plan = PyCapsule_GetPointer(capsule, PLAN);
    void *passed[MOST_ARGUMENTS], *addresses[MOST_PLANNED], **next = addresses;
    PyThreadState *thread;
    int code;
    if (!plan) return NULL;
    if (count != plan->count) Py_RETURN_FALSE;
    for (Py_ssize_t i = 0; i < count; i++)
        if (!pass(&plan->exact, &plan->arguments[i], arguments[i], &next, &passed[i])) Py_RETURN_FALSE;
    thread = PyEval_SaveThread();
    code = apply(plan, passed);
    PyEval_RestoreThread(thread);
    return PyBool_FromLong(code == 0);
}

static PyMethodDef CALL = {"call", (PyCFunction)(void (*)(void))call, METH_FASTCALL,
                           "call(argument, ...) -> whether the call was made"};

static void forget(PyObject *capsule)
{
    Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule));
}

/* The function of one table, which it keeps alive. */
static PyObject *function_of(PyObject *table, size_t size, const char *name, PyMethodDef *method)
{
    Py_buffer view;
    PyObject *capsule, *function;
    if (PyObject_GetBuffer(table, &view, PyBUF_SIMPLE) < 0) return NULL;
    capsule = view.len == (Py_ssize_t)size ? PyCapsule_New(view.buf, name, forget) : NULL;
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
    function = PyCFunction_NewEx(method, capsule, NULL);
    Py_DECREF(capsule);
    return function;
}

static PyObject *bind(PyObject *module, PyObject *table)
{
    (void)module;
    return function_of(table, sizeof(struct table), CAPSULE, &STEP);
}

static PyObject *bind_plan(PyObject *module, PyObject *plan)
{
    (void)module;
    return function_of(plan, sizeof(struct plan), PLAN, &CALL);
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
    {"bind_plan", bind_plan, METH_O, "bind_plan(plan) -> the function call(argument, ...) of this plan"},
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
