/* The bandwidth gate of Forebay: evaluators give way while a bandwidth-critical stage runs.
 *
 * Either call forebay_gate_hold and forebay_gate_release around the stage, or count on the flag itself:
 *
 *     auto *flag = reinterpret_cast<std::atomic<int32_t> *>(forebay_gate_flag(gate));
 *     flag->fetch_add(1, std::memory_order_relaxed);   // start of the stage
 *     flag->fetch_sub(1, std::memory_order_relaxed);   // end of the stage
 *
 * The flag is a COUNT. Never store 0 or 1 into it: that would end the holds of others. The gate is held while the count is
 * above 0. Counting on the flag wakes nobody; parked evaluators notice within a millisecond.
 *
 * A holder must not wait for evaluators: with k = 0 all of them are parked until it lets go.
 * All functions may be called from any thread. None of them throws or unwinds.
 */
#ifndef FOREBAY_GATE_H
#define FOREBAY_GATE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ForebayGate ForebayGate;

/* What a checkpoint does while the gate is held. */
enum { FOREBAY_GATE_OFF = 0, FOREBAY_GATE_YIELD = 1, FOREBAY_GATE_PARK = 2 };

/* A new gate; k is the number of evaluators that run beside a hold in mode PARK. NULL if the mode is unknown. */
ForebayGate *forebay_gate_create(uint32_t mode, uint32_t k);

/* Destroys a gate. Nobody may use it, nor its flag, during the call or afterwards. NULL is ignored. */
void forebay_gate_destroy(ForebayGate *gate);

/* Begins a critical stage. 0, or -1 if gate is NULL. */
int forebay_gate_hold(const ForebayGate *gate);

/* Ends a critical stage. 0, or -1 if gate is NULL or nothing is held through forebay_gate_hold. */
int forebay_gate_release(const ForebayGate *gate);

/* To be called by a host's evaluators every few chunks: about one relaxed load while nobody holds; else it may yield, or
 * park the thread until it is one of the k that may run. */
void forebay_gate_checkpoint(const ForebayGate *gate);

/* The calling thread has no more work for now: another evaluator may run in its place. Without it, that happens when the
 * hold ends. */
void forebay_gate_leave(const ForebayGate *gate);

/* The address of the count of holds; NULL if gate is NULL. Valid until the gate is destroyed. */
int32_t *forebay_gate_flag(const ForebayGate *gate);

#ifdef __cplusplus
}
#endif

#endif
