"""Another engine, for `cargo xtask bench --peer`: embeds the same inputs once for each line that it reads.

It speaks as xtask/examples/throughput.rs does: a line of JSON when it is ready and warm, and one for each round.
Each engine is used as its own documentation says is fast on a CPU, with every core.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "true"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=ENGINES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    texts = arguments.text.read_text().split("\n")
    # What a library prints must not come between the lines that the bench reads.
    answers, sys.stdout = sys.stdout, sys.stderr
    engine = ENGINES[arguments.engine](arguments.model, arguments.threads)
    engine.embed(texts)
    ready = {"engine": engine.words, "num_threads": arguments.threads, "operations_per_token": None}
    print(json.dumps(ready), file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        num_tokens = engine.embed(texts)
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "num_tokens": num_tokens, "peak": None}), file=answers, flush=True)


class SentenceTransformers:
    """`encode` of all texts at once: it sorts by length and takes batches of 32."""

    def __init__(self, model, threads):
        import sentence_transformers
        import torch

        torch.set_num_threads(threads)
        self.words = f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}"
        self._model = sentence_transformers.SentenceTransformer(str(model), device="cpu")
        self._tokenizer = self._model.tokenizer
        self._num_tokens = None

    def embed(self, texts):
        self._model.encode(texts, batch_size=32, show_progress_bar=False)
        if self._num_tokens is None:
            # Counted in the warm-up, which is not measured.
            ids = self._tokenizer(texts, truncation=True, max_length=self._model.max_seq_length)["input_ids"]
            self._num_tokens = sum(map(len, ids))
        return self._num_tokens


class OnnxRuntime:
    """f32, sorted by length, batches of 32, pooled and normalized in numpy."""

    def __init__(self, model, threads):
        import onnxruntime
        import tokenizers

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.words = f"onnxruntime {onnxruntime.__version__}, f32, sorted by length, batches of 32"
        with tempfile.TemporaryDirectory() as folder:
            self._session = onnxruntime.InferenceSession(export(model, Path(folder)), options)
        self._tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
        limit = json.loads((model / "sentence_bert_config.json").read_text())["max_seq_length"]
        self._tokenizer.enable_truncation(limit)

    def embed(self, texts):
        import numpy as np

        self._tokenizer.no_padding()
        encodings = self._tokenizer.encode_batch(texts)
        order = sorted(range(len(texts)), key=lambda place: len(encodings[place].ids))
        embeddings = [None] * len(texts)
        for start in range(0, len(order), 32):
            places = order[start : start + 32]
            length = len(encodings[places[-1]].ids)
            ids = np.zeros((len(places), length), dtype=np.int64)
            mask = np.zeros((len(places), length), dtype=np.int64)
            for row, place in enumerate(places):
                own = encodings[place].ids
                ids[row, : len(own)] = own
                mask[row, : len(own)] = 1
            states = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
            pooled = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
            pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
            for row, place in enumerate(places):
                embeddings[place] = pooled[row]
        return sum(len(encoding.ids) for encoding in encodings)


def export(model, folder):
    """Writes the network as ONNX, and returns the file."""
    import torch
    import transformers

    # Plain attention: ONNX Runtime fuses it itself.
    network = transformers.AutoModel.from_pretrained(str(model), attn_implementation="eager").eval()

    class States(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, input_ids, attention_mask):
            return self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    path = folder / "model.onnx"
    example = torch.ones((2, 8), dtype=torch.int64)
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    torch.onnx.export(
        States(),
        (example, example),
        str(path),
        input_names=["input_ids", "attention_mask"],
        dynamic_shapes={"input_ids": axes, "attention_mask": axes},
        dynamo=True,
    )
    return str(path)


ENGINES = {"sentence-transformers": SentenceTransformers, "onnxruntime": OnnxRuntime}


if __name__ == "__main__":
    main()
