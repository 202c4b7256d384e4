"""Prints "N passed, N failed" of a `bazel test`, in test targets.

    summary.py BUILD_EVENT_JSON_FILE

A target that failed to build or was never run has failed. Exits with 1 where
one has failed or there was none.
"""

import json
import sys

PASSED = ('PASSED', 'FLAKY')


def read_events(path):
    with open(path, encoding='utf-8') as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def count(events):
    """(passed, failed) test targets."""
    tests, passed = set(), set()
    for event in events:
        if 'testSize' in event.get('configured', {}):
            tests.add(event['id']['targetConfigured']['label'])
        elif event.get('testSummary', {}).get('overallStatus') in PASSED:
            passed.add(event['id']['testSummary']['label'])
    return len(passed), len(tests - passed)


def main(path):
    passed, failed = count(read_events(path))
    print(f'{passed} passed, {failed} failed')
    return 0 if passed and not failed else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
