"""
What is known: causes, one known fault of one library each, as data.

`cause` is the record, `matching` the one question whether a cause covers a disagreement, `reading` and `writing` its
files, `state` what a run says of it, `page` the document made of all of them.
"""
