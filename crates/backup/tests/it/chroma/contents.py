"""Makes folders of Chroma: `contents.py FOLDER COUNT` makes FOLDER/0, FOLDER/1 and so on, each with other records.

Each has an index that was written out, and records after it that are only in the queue of the database.
"""

import os
import sys

import chromadb
from writers import vector


def fill(folder, number):
    client = chromadb.PersistentClient(path=folder)
    collection = client.create_collection("notes", configuration={"hnsw": {"sync_threshold": 60, "batch_size": 20}})
    names = [f"content-{number}-record-{index}" for index in range(150)]
    for start in range(0, len(names), 50):
        batch = names[start:start + 50]
        collection.add(
            ids=batch,
            embeddings=[vector(name) for name in batch],
            documents=[f"the text of {name}" for name in batch],
        )


for number in range(int(sys.argv[2])):
    fill(os.path.join(sys.argv[1], str(number)), number)
