"""Writers of a real Chroma server: `writers.py PORT`, until standard input is closed.

Two add records to two collections, one writes one record again and again. Each line that is printed says what was
acknowledged: writer, collection, and up to which number. A record's vector follows from its id, see vector().
"""

import json
import random
import sys
import threading

import chromadb

DIMENSIONS = 16


def vector(name):
    random_numbers = random.Random(name)
    return [random_numbers.uniform(-1, 1) for _ in range(DIMENSIONS)]


def told(writer, collection, number):
    with telling:
        print(json.dumps([writer, collection, number]), flush=True)


def patiently(work):
    """Whoever cannot write because the database is being read tries again: nothing was acknowledged."""
    while True:
        try:
            return work()
        except Exception as error:
            if stop.is_set():
                raise SystemExit from error
            stop.wait(0.05)


def add(collection, writer, batch):
    number = 0
    while not stop.is_set():
        names = [f"{writer}-{index}" for index in range(number, number + batch)]
        patiently(lambda: collection.add(
            ids=names,
            embeddings=[vector(name) for name in names],
            documents=[f"the text of {name}" for name in names],
        ))
        number += batch
        told(writer, collection.name, number)
        stop.wait(0.01)


def write_again(collection, writer):
    number = 0
    while not stop.is_set():
        number += 1
        patiently(lambda: collection.upsert(
            ids=[writer],
            embeddings=[vector(f"{writer}-{number}")],
            metadatas=[{"number": number}],
        ))
        told(writer, collection.name, number)
        stop.wait(0.03)


stop = threading.Event()
telling = threading.Lock()


def main():
    client = chromadb.HttpClient(host="127.0.0.1", port=int(sys.argv[1]))
    # The index of the first is written out all the time, that of the second is never written out at first.
    often = client.create_collection("often", configuration={"hnsw": {"sync_threshold": 60, "ef_search": 300}})
    seldom = client.create_collection("seldom", configuration={"hnsw": {"sync_threshold": 500, "ef_search": 300}})
    threads = [
        threading.Thread(target=add, args=(often, "one", 20)),
        threading.Thread(target=add, args=(seldom, "two", 25)),
        threading.Thread(target=write_again, args=(often, "again")),
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()


if __name__ == "__main__":
    main()
