# must: a number that takes all memory ends the run
x = 3
while True:
    x = x * x
