/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vtpm

#if !defined(_VTPM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VTPM_TRACE_H

#include <linux/tracepoint.h>
#include <uapi/linux/vtpm.h>

TRACE_DEFINE_ENUM(VTPM_STATE_NEW);
TRACE_DEFINE_ENUM(VTPM_STATE_REGISTERING);
TRACE_DEFINE_ENUM(VTPM_STATE_READY);
TRACE_DEFINE_ENUM(VTPM_STATE_DETACHED);
TRACE_DEFINE_ENUM(VTPM_STATE_FAILED);
TRACE_DEFINE_ENUM(VTPM_STATE_GONE);

#define show_vtpm_state(state)					\
	__print_symbolic(state,					\
			 { VTPM_STATE_NEW, "new" },		\
			 { VTPM_STATE_REGISTERING, "registering" }, \
			 { VTPM_STATE_READY, "ready" },		\
			 { VTPM_STATE_DETACHED, "detached" },	\
			 { VTPM_STATE_FAILED, "failed" },	\
			 { VTPM_STATE_GONE, "gone" })

TRACE_EVENT(vtpm_state,
	TP_PROTO(u32 id, const char *name, int old_state, int state),
	TP_ARGS(id, name, old_state, state),
	TP_STRUCT__entry(
		__field(u32, id)
		__array(char, name, VTPM_MAX_NAME + 1)
		__field(int, old_state)
		__field(int, state)
	),
	TP_fast_assign(
		__entry->id = id;
		strscpy(__entry->name, name, sizeof(__entry->name));
		__entry->old_state = old_state;
		__entry->state = state;
	),
	TP_printk("id=%u name=%s %s -> %s", __entry->id, __entry->name,
		  show_vtpm_state(__entry->old_state),
		  show_vtpm_state(__entry->state))
);

/* A command goes to a helper; delivery 2 and later are repetitions. */
TRACE_EVENT(vtpm_deliver,
	TP_PROTO(u32 id, u64 seq, size_t len, u32 port, unsigned int delivery,
		 int rc),
	TP_ARGS(id, seq, len, port, delivery, rc),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u64, seq)
		__field(size_t, len)
		__field(u32, port)
		__field(unsigned int, delivery)
		__field(int, rc)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->seq = seq;
		__entry->len = len;
		__entry->port = port;
		__entry->delivery = delivery;
		__entry->rc = rc;
	),
	TP_printk("id=%u seq=%llu len=%zu port=%u delivery=%u rc=%d",
		  __entry->id, __entry->seq, __entry->len, __entry->port,
		  __entry->delivery, __entry->rc)
);

/* A helper's answer was taken, or refused with a negative rc. */
TRACE_EVENT(vtpm_answer,
	TP_PROTO(u32 id, u64 seq, size_t len, u32 port, int rc),
	TP_ARGS(id, seq, len, port, rc),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u64, seq)
		__field(size_t, len)
		__field(u32, port)
		__field(int, rc)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->seq = seq;
		__entry->len = len;
		__entry->port = port;
		__entry->rc = rc;
	),
	TP_printk("id=%u seq=%llu len=%zu port=%u rc=%d", __entry->id,
		  __entry->seq, __entry->len, __entry->port, __entry->rc)
);

/* The client stops waiting: rc is what it gets, 0 or a negative errno. */
TRACE_EVENT(vtpm_done,
	TP_PROTO(u32 id, u64 seq, int rc),
	TP_ARGS(id, seq, rc),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u64, seq)
		__field(int, rc)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->seq = seq;
		__entry->rc = rc;
	),
	TP_printk("id=%u seq=%llu rc=%d", __entry->id, __entry->seq,
		  __entry->rc)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
