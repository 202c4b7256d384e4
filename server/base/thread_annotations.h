#ifndef SLUICE_SERVER_BASE_THREAD_ANNOTATIONS_H_
#define SLUICE_SERVER_BASE_THREAD_ANNOTATIONS_H_

// Clang's thread-safety analysis (-Wthread-safety); nothing to other compilers.
// The names are those of clang's own documentation.

#if defined(__clang__)
#define SLUICE_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define SLUICE_THREAD_ANNOTATION(x)
#endif

// abseil's installed headers define some of these, with the same meaning.
#undef GUARDED_BY
#undef PT_GUARDED_BY
#undef NO_THREAD_SAFETY_ANALYSIS

// Of a field: read and written with the mutex held alone.
#define GUARDED_BY(mutex) SLUICE_THREAD_ANNOTATION(guarded_by(mutex))
// Of a pointer: what it points at is.
#define PT_GUARDED_BY(mutex) SLUICE_THREAD_ANNOTATION(pt_guarded_by(mutex))
// Of a function: callers hold the mutex.
#define REQUIRES(...) SLUICE_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
// Of a function: callers do not hold the mutex, since it takes it.
#define EXCLUDES(...) SLUICE_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) SLUICE_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) SLUICE_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define CAPABILITY(name) SLUICE_THREAD_ANNOTATION(capability(name))
#define SCOPED_CAPABILITY SLUICE_THREAD_ANNOTATION(scoped_lockable)
#define NO_THREAD_SAFETY_ANALYSIS SLUICE_THREAD_ANNOTATION(no_thread_safety_analysis)

#endif  // SLUICE_SERVER_BASE_THREAD_ANNOTATIONS_H_
