//! What no handler is for, and the ordinary Python that is none of it.

use artifact::handler::{self, HandlerError};
use expect_test::{Expect, expect};

use super::{POOLED, check};

/// Checks what a line at the top is refused for, without what is the same in every refusal.
#[track_caller]
fn check_beyond(statement: &str, expected: Expect) {
    let source = format!("{POOLED}\n{statement}\n");
    let error = handler::read(&source).unwrap_err();
    let HandlerError::Beyond { what, .. } = &error else { panic!("{error}") };
    expected.assert_eq(&what.to_string());
}

#[test]
fn functions_that_come_from_elsewhere_are_refused() {
    check_beyond(
        "predict_fn = model_fn",
        expect!["makes `predict_fn` other than by `def` at the top"],
    );
    check_beyond(
        "if True:\n    def output_fn(a, b):\n        return a",
        expect!["makes `output_fn` other than by `def` at the top"],
    );
    check_beyond(
        "from torch import tensor as input_fn",
        expect!["makes `input_fn` other than by `def` at the top"],
    );
    // A method or an inner function of that name is something else.
    let inner = "class A:\n    def predict_fn(self):\n        pass\ndef f():\n    def output_fn():\n        pass\n";
    assert!(handler::read(&format!("{POOLED}{inner}")).is_ok());
}

#[test]
fn modules_that_are_not_on_the_list_are_refused() {
    for module in [
        "os",
        "sys",
        "subprocess",
        "socket",
        "requests",
        "boto3",
        "shutil",
        "pickle",
        "ctypes",
        "importlib",
        "builtins",
        "os.path",
        "torch.hub",
        "urllib.request",
        "transformers.utils",
    ] {
        for statement in [
            format!("import {module}"),
            format!("import {module} as torch"),
            format!("from {module} import x"),
            format!("import json, {module}"),
        ] {
            let error = handler::read(&format!("{POOLED}\n{statement}\n")).unwrap_err();
            let text = error.to_string();
            assert!(
                text.starts_with(&format!("line 25 of the handler imports `{module}`")),
                "{text}"
            );
        }
    }
    check_beyond(
        "from torch import *",
        expect!["imports everything from `torch`, without naming it"],
    );
    check_beyond("from . import other", expect!["imports `.`"]);
    check_beyond("from torch import hub as h", expect!["imports `torch.hub`"]);
    check_beyond(
        "def f():\n    try:\n        import os\n    except ImportError:\n        pass",
        expect!["imports `os`"],
    );
}

#[test]
fn ways_out_of_the_language_are_refused() {
    check_beyond("exec('x')", expect!["uses the builtin `exec`"]);
    check_beyond("e = eval", expect!["uses the builtin `eval`"]);
    check_beyond("with open('x') as f: pass", expect!["uses the builtin `open`"]);
    check_beyond("compile('x', 'y', 'z')", expect!["uses the builtin `compile`"]);
    check_beyond("x = [globals][0]()", expect!["uses the builtin `globals`"]);
    check_beyond("input()", expect!["uses the builtin `input`"]);
    check_beyond("__import__('os')", expect!["uses `__import__`, a name of Python's own"]);
    check_beyond(
        "__builtins__['exec']('x')",
        expect!["uses `__builtins__`, a name of Python's own"],
    );
    check_beyond("x = ().__class__.__bases__", expect!["uses `__bases__`, a name of Python's own"]);
    check_beyond("f'{torch.__dict__}'", expect!["uses `__dict__`, a name of Python's own"]);
    check_beyond("getattr(torch, '__dict__')", expect!["uses `__dict__`, a name of Python's own"]);
    check_beyond("getattr(torch, 'hub')", expect!["uses `.hub`"]);
    check_beyond(
        "getattr(torch, 'h' + 'ub')",
        expect!["uses `getattr` for other than a fixed name"],
    );
    check_beyond("g = getattr", expect!["uses `getattr` for other than a fixed name"]);
    check_beyond("ｅxec('x')", expect!["has a name with letters outside ASCII"]);
}

#[test]
fn more_than_a_handler_is_for_is_refused() {
    check_beyond("torch.hub.load('a', 'b')", expect!["uses `.load`"]);
    check_beyond("weights = torch.load('pytorch_model.bin')", expect!["uses `.load`"]);
    check_beyond("model.generate(x)", expect!["uses `.generate`"]);
    check_beyond("model.save_pretrained('/tmp')", expect!["uses `.save_pretrained`"]);
    check_beyond(
        "AutoModel.from_pretrained('some/other')",
        expect!["loads `some/other` instead of the model beside it"],
    );
    check_beyond(
        "AutoModel.from_pretrained(x, trust_remote_code=True)",
        expect!["sets `trust_remote_code`"],
    );
    check_beyond("@torch.compile\ndef f(): pass", expect!["has the decorator `torch.compile`"]);
    check_beyond("@(lambda f: f)\ndef f(): pass", expect!["has the decorator `(lambda f: f)`"]);
    check_beyond(
        "class A(metaclass=B): pass",
        expect!["has a class with a metaclass or other keywords"],
    );
    check_beyond("class A(f()): pass", expect!["has a class with a metaclass or other keywords"]);
    check_beyond("async def f(): pass", expect!["has a `async`"]);
    check_beyond("def f():\n    yield 1", expect!["has a `yield`"]);
    check_beyond("match x:\n    case 1: pass", expect!["has a `match_statement`"]);
}

#[test]
fn ordinary_python_is_taken() {
    let source = format!(
        "{POOLED}
import json, logging, math
from typing import Any, Dict, List, Optional
from sentence_transformers import SentenceTransformer
import numpy as np
log = logging.getLogger(__name__)
class Pool(torch.nn.Module):
    '''Has a docstring.'''
    def __init__(self, size: int = 3) -> None:
        super().__init__()
        self.size = size
    @staticmethod
    def double(x): return 2 * x
@torch.no_grad()
def input_fn(body: bytes, content_type: str = 'application/json') -> Optional[List[str]]:
    data = json.loads(body)
    inputs = data.pop('inputs', data) if isinstance(data, dict) else data
    try:
        while len(inputs) > 1_000 and not None:
            inputs = inputs[:1_000]; continue
    except (ValueError, KeyError) as error:
        raise ValueError(f'{{error!r:>10}} \\n') from error
    finally:
        log.info('read %d', len(inputs))
    assert all(x for x in inputs), 'empty'
    sizes: Dict[str, int] = {{k: len(k) for k in {{*inputs}}}}
    for i, text in enumerate(sorted(inputs, key=lambda t: -len(t))):
        sizes[text] += i if i % 2 else ~i
        del text
    model = torch.compile(model.eval(), options={{}}, input=1)
    if (n := len(sizes)) > 3: pass
    elif n == 2: getattr(model, 'device', ...)
    else: print(*inputs, sep=' ', **sizes)
    return inputs
if __name__ == '__main__':
    pass
"
    );
    check(&source, expect!["key vector_embedding, pools by Mean, normalizes"]);
}
