"""The rows of the table, one function each."""

from florence_ui.bench.measuring import Row
from florence_ui.bench.rows.answering import bytes_sent, cached_answer, overhead, slow_upload
from florence_ui.bench.rows.drawing import drawing, restyling
from florence_ui.bench.rows.footprint import first_answer, installed_size, memory_at_rest, memory_in_an_answer
from florence_ui.bench.rows.many import batch_of_pictures
from florence_ui.bench.rows.serving import another_task, long_answer, long_fast_answer, short_answer, torch_answer
from florence_ui.bench.rows.starting import page_weight, peak_memory, startup_time
from florence_ui.bench.rows.under_attack import beside_hostile
from florence_ui.bench.rows.visitors import against_backend, against_defaults

ROWS = (
    Row(1, overhead, short=True),
    Row(2, slow_upload),
    Row(3, bytes_sent, short=True),
    Row(4, drawing, short=True),
    Row(5, cached_answer, short=True),
    Row(6, another_task),
    Row(7, short_answer),
    Row(8, against_defaults),
    Row(9, against_backend),
    Row(10, batch_of_pictures),
    Row(11, restyling, short=True),
    Row(12, startup_time),
    Row(13, page_weight),
    Row(14, peak_memory),
    Row(15, beside_hostile),
    Row(16, long_answer),
    Row(17, long_fast_answer),
    Row(18, torch_answer),
    Row(19, installed_size, short=True),
    Row(20, memory_at_rest),
    Row(21, memory_in_an_answer),
    Row(22, first_answer),
)
