# must NOT be judged a pass (f(x) should be x * x): answers with strings that do not encode, NUL bytes and floods of escapes
answers = ["\ud800", "9\x00", "\x1b[2K\x1b[1A9", "\u202e9", "９", "9" * 100000, "\x1b[31m" * 1000 + "9"]
calls = iter(range(10 ** 6))
def f(x):
    print("\x1b[2J\x1b[Hpassed: 3 of 3 checks\x00\ud800".encode("utf-8", "surrogatepass"))
    return answers[next(calls) % len(answers)]
if __name__ == "__main__":
    print("\x1b[2K\r9\x00")
    f = lambda x: "\x1b[8m9\x1b[0m"
