"""Built-in workloads, one a file, each written as a user would: they know `tracekit.workload`, and no model that runs them.

At scale 1 each lasts one to three seconds when its tasks run one after another. The scale makes their steps longer,
not more: the shape stays. Their results depend on nothing but the scale.
"""
