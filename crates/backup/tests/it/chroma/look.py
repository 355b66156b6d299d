"""Looks into folders of Chroma: for each line `{"at": FOLDER or PORT, "written": [[WRITER, COLLECTION, NUMBER], ...]}`
on standard input one line is printed, `{"counts": {COLLECTION: RECORDS}}` or `{"wrong": [FINDING, ...]}`.

What is looked for: every record that was written is there with its vector and its text, is found by its vector, and
nothing is found that is not there.
"""

import json
import sys

import chromadb
from writers import vector


def look(at, written):
    if isinstance(at, int):
        client = chromadb.HttpClient(host="127.0.0.1", port=at)
    else:
        client = chromadb.PersistentClient(path=at)
    wrong, counts = [], {}
    for collection in sorted(client.list_collections(), key=lambda collection: collection.name):
        name = collection.name
        records = collection.get(include=["embeddings", "documents", "metadatas"])
        known = dict(zip(records["ids"], range(len(records["ids"]))))
        counts[name] = collection.count()
        if counts[name] != len(known):
            wrong.append(f"{name}: counts {counts[name]} and has {len(known)}")
        # Of every record its vector, as it must be.
        wanted = {}
        for record, index in known.items():
            if record == "again":
                wanted[record] = f"again-{records['metadatas'][index]['number']}"
            else:
                wanted[record] = record
                if records["documents"][index] != f"the text of {record}":
                    wrong.append(f"{name}: {record} has the text {records['documents'][index]!r}")
            held = records["embeddings"][index]
            if max(abs(a - b) for a, b in zip(held, vector(wanted[record]))) > 1e-5:
                wrong.append(f"{name}: {record} has another vector")
        for writer, of, number in written:
            if of != name:
                continue
            if writer == "again":
                index = known.get("again")
                found = -1 if index is None else records["metadatas"][index]["number"]
                if found < number:
                    wrong.append(f"{name}: again is {found}, and {number} was acknowledged")
            else:
                missing = [f"{writer}-{index}" for index in range(number) if f"{writer}-{index}" not in known]
                if missing:
                    wrong.append(f"{name}: {len(missing)} acknowledged are missing, the first {missing[0]}")
        everything = list(known)
        for start in range(0, len(everything), 200):
            part = everything[start:start + 200]
            found = collection.query(query_embeddings=[vector(wanted[record]) for record in part], n_results=5)
            for record, ids, distances in zip(part, found["ids"], found["distances"]):
                if not ids or ids[0] != record or distances[0] > 1e-5:
                    wrong.append(f"{name}: {record} is not found by its vector, but {ids}")
                for other in ids:
                    if other not in known:
                        wrong.append(f"{name}: {other} is found and not there")
    return {"wrong": wrong[:20]} if wrong else {"counts": counts}


for line in sys.stdin:
    order = json.loads(line)
    try:
        answer = look(order["at"], order["written"])
    except Exception as error:
        answer = {"wrong": [f"{type(error).__name__}: {error}"]}
    print(json.dumps(answer), flush=True)
