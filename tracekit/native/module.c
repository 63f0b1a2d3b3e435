/* The module tracekit._fast: the core in C. Knows what is in it, and how nothing of it works.

   Whatever it has, the reference in Python has as well: spool/buffer.py, spool/names.py, spool/mapping.py, spool/settle.py,
   record/reference.py, hooks/ready.py, hooks/scheduled.py, hooks/mark.py, export/_rows.py, export/_packets.py, export/_events.py,
   model/nesting.py and spool/split.py; and what these
   use of hooks/tasks.py, hooks/chain.py and hooks/code.py.
   Only what watches locks has no twin: in Python other classes stand for these (hooks/recorded_locks.py); and `insist`, which Python
   cannot do. */
#include "awaits.h"
#include "buffer.h"
#include "callback.h"
#include "chain.h"
#include "clock.h"
#include "creation.h"
#include "forever.h"
#include "function.h"
#include "insist.h"
#include "mapping.h"
#include "mark.h"
#include "marks.h"
#include "names.h"
#include "nested.h"
#include "open.h"
#include "packets.h"
#include "probes.h"
#include "ready.h"
#include "rows.h"
#include "scheduled.h"
#include "scheduler.h"
#include "settle.h"
#include "span.h"
#include "split.h"
#include "starts.h"
#include "task.h"
#include "watch.h"

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "tracekit._fast",
    .m_doc = "The core in C; see tracekit.spool.core.",
    .m_size = 0,
};

static int add_type(PyObject *module, const char *name, PyTypeObject *type)
{
    if (PyType_Ready(type) < 0)
        return -1;
    return PyModule_AddObjectRef(module, name, (PyObject *)type);
}

static int add_ready_queue(PyObject *module)
{
    PyObject *type = make_ready_queue();
    int failed = PyModule_AddObjectRef(module, "ReadyQueue", type);
    Py_XDECREF(type);
    return failed;
}

static int fill(PyObject *module)
{
    if (PyModule_AddIntConstant(module, "__build__", CORE_BUILD) < 0)
        return -1;
    PyMethodDef *functions[] = {clock_methods,  probes_methods,  span_methods_of_module, marks_methods,
                                settle_methods, mapping_methods, watch_methods,         starts_methods,
                                open_methods,   rows_methods,    packets_methods,        split_methods,
                                nested_methods, insist_methods};
    for (size_t at = 0; at < sizeof functions / sizeof *functions; at++)
        if (PyModule_AddFunctions(module, functions[at]) < 0)
            return -1;
    if (PyType_Ready(&Mapping_Type) < 0 || begin_spans() < 0 || begin_marks() < 0 || begin_tasks() < 0 || begin_creations() < 0 ||
        begin_chains() < 0 || begin_awaits() < 0 || begin_callbacks() < 0 || begin_scheduled() < 0 || begin_schedulers() < 0 ||
        begin_runs() < 0 || watch_forks() < 0 || begin_watching() < 0 || begin_starts() < 0)
        return -1;
    if (PyType_Ready(&Scheduled_Type) < 0 || add_type(module, "Scheduler", &Scheduler_Type) < 0 ||
        add_type(module, "RunForever", &RunForever_Type) < 0)
        return -1;
    if (add_type(module, "Buffer", &Buffer_Type) < 0 || add_type(module, "Names", &Names_Type) < 0)
        return -1;
    if (add_type(module, "Span", &Span_Type) < 0 || add_type(module, "function", &Function_Type) < 0)
        return -1;
    return add_type(module, "Mark", &Mark_Type) < 0 ? -1 : add_ready_queue(module);
}

PyMODINIT_FUNC PyInit__fast(void)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "the C core works in the main interpreter only");
        return NULL;
    }
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL)
        return NULL;
#ifdef Py_GIL_DISABLED
    PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);
#endif
    if (fill(module) < 0)
        Py_CLEAR(module);
    return module;
}
