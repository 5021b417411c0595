// The functions of forebay_gate.h, forwarded to a table: the test that loads this object fills it.
#include "forebay_gate.h"

struct Table {
    ForebayGate *(*create)(uint32_t, uint32_t);
    void (*destroy)(ForebayGate *);
    int (*hold)(const ForebayGate *);
    int (*release)(const ForebayGate *);
    void (*checkpoint)(const ForebayGate *);
    void (*leave)(const ForebayGate *);
    int32_t *(*flag)(const ForebayGate *);
};

static Table table;

extern "C" {
void connect_gate(const Table *from) { table = *from; }

ForebayGate *forebay_gate_create(uint32_t mode, uint32_t k) { return table.create(mode, k); }
void forebay_gate_destroy(ForebayGate *gate) { table.destroy(gate); }
int forebay_gate_hold(const ForebayGate *gate) { return table.hold(gate); }
int forebay_gate_release(const ForebayGate *gate) { return table.release(gate); }
void forebay_gate_checkpoint(const ForebayGate *gate) { table.checkpoint(gate); }
void forebay_gate_leave(const ForebayGate *gate) { table.leave(gate); }
int32_t *forebay_gate_flag(const ForebayGate *gate) { return table.flag(gate); }
}
