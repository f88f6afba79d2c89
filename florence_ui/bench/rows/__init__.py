"""The rows of the table, one function each."""

from florence_ui.bench.measuring import Row
from florence_ui.bench.rows.answering import bytes_sent, overhead, remembered, slow_line
from florence_ui.bench.rows.drawing import drawing, restyling
from florence_ui.bench.rows.many import many_pictures
from florence_ui.bench.rows.serving import another_task, plain_transformers
from florence_ui.bench.rows.starting import memory, start, weight
from florence_ui.bench.rows.under_attack import beside_hostile
from florence_ui.bench.rows.visitors import against_backend, against_defaults

ROWS = (
    Row(1, overhead, short=True),
    Row(2, slow_line),
    Row(3, bytes_sent, short=True),
    Row(4, drawing, short=True),
    Row(5, remembered, short=True),
    Row(6, another_task),
    Row(7, plain_transformers),
    Row(8, against_defaults),
    Row(9, against_backend),
    Row(10, many_pictures),
    Row(11, restyling, short=True),
    Row(12, start),
    Row(13, weight),
    Row(14, memory),
    Row(15, beside_hostile),
)
