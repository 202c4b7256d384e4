#ifndef SLUICE_NETSVC_BASE_ALLOCATION_COUNT_H_
#define SLUICE_NETSVC_BASE_ALLOCATION_COUNT_H_

namespace sluice {

// How often this process has called operator new, which counts in every program
// that links this. Tests. Any thread.
int AllocationCount();

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_ALLOCATION_COUNT_H_
