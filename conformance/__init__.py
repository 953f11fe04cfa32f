"""The suite: cases, targets, verdicts, findings and reports, held against the specification in `reference`."""
