"""What template.yaml must be, beyond what SAM and cfn-lint see. Each rule yields its faults as sentences.

The linters accept every one of the mistakes that the first eight rules refuse; AWS refuses them at deploy time, or
worse, takes them. The later rules tie the template to the code that it deploys.
"""

import re

from model import ROOT, as_json, named, rust

RULES = []

VISIBILITY_PER_TIMEOUT = 6  # Lambda's own advice: lambda/latest/dg/services-sqs-configure.html
# Metrics of AWS's own; any other namespace is ours.
DIMENSIONS = {
    "AWS/SQS": ("QueueName", "AWS::SQS::Queue", ".QueueName"),
    "AWS/Lambda": ("FunctionName", "AWS::Lambda::Function", ""),
    "AWS/DynamoDB": ("TableName", "AWS::DynamoDB::Table", ""),
}


def rule(check):
    RULES.append(check)
    return check


# ---- The linters' blind spots ---------------------------------------------------------------------------------


@rule
def a_fifo_source_takes_no_batching_window(stack):
    for name, source, queue in sources(stack):
        if queue.get("FifoQueue") and "MaximumBatchingWindowInSeconds" in source:
            yield f"{name} has a batching window; AWS refuses one on a FIFO queue"


@rule
def a_fifo_queue_is_named_so(stack):
    for name, queue in stack.of("AWS::SQS::Queue").items():
        if queue.get("FifoQueue") and not queue.get("QueueName", "").endswith(".fifo"):
            yield f"{name} is FIFO but its name {queue.get('QueueName')} does not end in .fifo"


@rule
def throughput_per_group_goes_with_deduplication_per_group(stack):
    for name, _, queue in sources(stack):
        if queue.get("FifoThroughputLimit") != "perMessageGroupId" or queue.get("DeduplicationScope") != "messageGroup":
            yield f"the queue of {name} is not in high-throughput mode: both settings are needed"


@rule
def a_message_stays_hidden_for_six_timeouts(stack):
    for name, source, queue in sources(stack):
        function = stack.of("AWS::Lambda::Function")[named(source["FunctionName"])]
        wanted = VISIBILITY_PER_TIMEOUT * function["Timeout"]
        if queue.get("VisibilityTimeout", 30) < wanted:
            yield f"the queue of {name} hides a message for less than {wanted} s"


@rule
def a_source_is_bounded_in_one_way(stack):
    for name, source, _ in sources(stack):
        if "ScalingConfig" in source and "ProvisionedPollerConfig" in source:
            yield f"{name} has two kinds of concurrency; AWS takes one"


@rule
def a_rate_agrees_with_its_number(stack):
    for name, expression in schedules(stack):
        rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", expression)
        if expression.startswith("rate") and (not rate or (rate[1] == "1") == (rate[3] == "s")):
            yield f"{name} says {expression}; AWS wants the singular for 1 and the plural for the rest"


@rule
def a_rule_to_a_fifo_queue_names_a_group(stack):
    for name, target in targets(stack):
        queue = stack.of("AWS::SQS::Queue").get(named(target["Arn"]), {})
        if queue.get("FifoQueue") and "MessageGroupId" not in target.get("SqsParameters", {}):
            yield f"{name} sends to a FIFO queue without a message group"


@rule
def a_dashboard_is_json(stack):
    for name, dashboard in stack.of("AWS::CloudWatch::Dashboard").items():
        if as_json(dashboard["DashboardBody"]) is None:
            yield f"the body of {name} is not JSON"


# ---- Queues ---------------------------------------------------------------------------------------------------


@rule
def a_source_queue_gives_up_into_a_fifo_queue(stack):
    queues = stack.of("AWS::SQS::Queue")
    for name, _, queue in sources(stack):
        dlq = queues.get(named(queue.get("RedrivePolicy", {}).get("deadLetterTargetArn")))
        if not dlq or not dlq.get("FifoQueue"):
            yield f"the queue of {name} has no FIFO dead-letter queue"


@rule
def a_source_reports_partial_batches(stack):
    for name, source, _ in sources(stack):
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} fails or passes whole batches: one bad message would repeat its neighbours"


@rule
def a_queue_is_encrypted_and_refuses_plain_http(stack):
    refused = {
        named(statement["Resource"])
        for policy in stack.of("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Action"] == "sqs:*"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and policy["Queues"] == [f"<{named(statement['Resource'])}>"]
    }
    for name, queue in stack.of("AWS::SQS::Queue").items():
        if not queue.get("SqsManagedSseEnabled"):
            yield f"{name} is not encrypted"
        if name not in refused:
            yield f"{name} has no policy of its own that refuses plain HTTP"


@rule
def what_cannot_be_delivered_is_kept(stack):
    queues = stack.of("AWS::SQS::Queue")
    for name, arn in undelivered(stack):
        queue = queues.get(named(arn))
        if queue is None:
            yield f"{name} has nowhere to leave what it cannot deliver"
        elif queue.get("FifoQueue"):
            yield f"{name} gives up into a FIFO queue, which its service cannot write to"


@rule
def who_leaves_the_undelivered_may_do_so(stack):
    for name, target in targets(stack):
        queue = named(target.get("DeadLetterConfig", {}).get("Arn"))
        if not may_be_left_by_rule(stack, queue, name):
            yield f"{queue} does not let the rule {name} leave events in it"
    for name, schedule in stack.of("AWS::Scheduler::Schedule").items():
        role, arn = named(schedule["Target"]["RoleArn"]), schedule["Target"].get("DeadLetterConfig", {}).get("Arn")
        if not may(stack, role, "sqs:SendMessage", arn):
            yield f"{role} may not leave a tick of {name}"
        if not may(stack, role, "lambda:InvokeFunction", schedule["Target"]["Arn"]):
            yield f"{role} may not start what {name} starts"
    for name, config in stack.of("AWS::Lambda::EventInvokeConfig").items():
        arn = config["DestinationConfig"]["OnFailure"]["Destination"]
        if not may(stack, role_of(stack, config["FunctionName"]), "sqs:SendMessage", arn):
            yield f"the function of {name} may not leave a failed invocation"


# ---- Functions ------------------------------------------------------------------------------------------------


@rule
def a_function_is_bounded(stack):
    fed = {named(source["FunctionName"]): source for _, source, _ in sources(stack)}
    for name, function in stack.of("AWS::Lambda::Function").items():
        limit = fed.get(name, {}).get("ScalingConfig", {}).get("MaximumConcurrency")
        if limit is None and "ReservedConcurrentExecutions" not in function:
            yield f"{name} may run any number of times at once"
        if limit is not None and "ReservedConcurrentExecutions" in function:
            yield f"{name} is reserved below its source: throttled messages would end in the dead-letter queue"


@rule
def a_function_logs_where_logs_are_forgotten(stack):
    groups = stack.of("AWS::Logs::LogGroup")
    for name, function in stack.of("AWS::Lambda::Function").items():
        logging = function.get("LoggingConfig", {})
        group = groups.get(named(logging.get("LogGroup")), {})
        if "RetentionInDays" not in group:
            yield f"{name} logs to a group that keeps lines for ever"
        if logging.get("LogFormat") != "JSON" or logging.get("ApplicationLogLevel") not in ("INFO", "DEBUG"):
            yield f"{name} would lose its metrics: a line without a level counts as INFO"


@rule
def a_changed_parameter_reaches_the_function(stack):
    for name in stack.of("AWS::Lambda::Alias"):
        yield f"{name} stays on the old environment when only a parameter changes: SAM's version id leaves values out"


@rule
def the_functions_that_work_in_a_circle_may_go_on(stack):
    for name, function in stack.of("AWS::Lambda::Function").items():
        queues = [source["EventSourceArn"] for _, source, _ in sources(stack)]
        fed = any(named(source["FunctionName"]) == name for _, source, _ in sources(stack))
        feeds = any(may(stack, role_of(stack, f"<{name}>"), "sqs:SendMessage", queue) for queue in queues)
        if fed and feeds and function.get("RecursiveLoop") != "Allow":
            yield f"{name} feeds the queues that feed it; Lambda would stop the chain after about 16 hops"
        if not fed and function.get("RecursiveLoop", "Terminate") != "Terminate":
            yield f"{name} is in no circle and needs no leave to run in one"


@rule
def the_environment_is_what_the_code_reads(stack):
    read = set(re.findall(r'"((?:CONCORD|POWERTOOLS)_[A-Z_]+)"', rust("shared/aws/src", "functions")))
    for name, function in stack.of("AWS::Lambda::Function").items():
        given = set(function.get("Environment", {}).get("Variables", {}))
        yield from (f"{name} lacks {variable}, which the code reads" for variable in sorted(read - given))
        yield from (f"{name} is given {variable}, which nothing reads" for variable in sorted(given - read))


@rule
def every_task_that_reconcile_knows_is_scheduled_and_no_other(stack):
    variants = re.search(r"pub enum Task \{\n(.*?)\n\}", rust("shared/core/src"), re.DOTALL)[1]
    known = {name.lower() for name in re.findall(r"^    (\w+),$", variants, re.MULTILINE)}
    asked = {}
    for name, schedule in stack.of("AWS::Scheduler::Schedule").items():
        asked[name] = (as_json(schedule["Target"]["Input"]) or {}).get("task")
        if asked[name] not in known:
            yield f"{name} asks for the task {asked[name]!r}, which no code knows"
    yield from (f"nothing asks for the task {task}" for task in sorted(known - set(asked.values())))


# ---- Rights ---------------------------------------------------------------------------------------------------


@rule
def a_function_has_a_role_of_its_own(stack):
    roles = [named(function["Role"]) for function in stack.of("AWS::Lambda::Function").values()]
    written = stack.of("AWS::IAM::Role")
    for role in roles:
        if role not in written or roles.count(role) > 1:
            yield f"{role} is not one function's own role"
    for name, role in written.items():
        if role.get("ManagedPolicyArns"):
            yield f"{name} has a managed policy; those are wider than any function needs"


@rule
def a_right_names_its_action_and_its_resource(stack):
    for role, sid, actions, resources in rights(stack):
        if any("*" in action for action in actions):
            yield f"{role} {sid} has a wildcard action"
        for resource in resources:
            if "*" in resource:
                yield f"{role} {sid} reaches {resource}; every action here has resources of its own"


@rule
def a_right_to_a_table_is_one_that_the_code_uses(stack):
    code = rust("shared/aws/src")
    for role, sid, actions, _ in rights(stack):
        for action in actions:
            service, operation = action.split(":")
            call = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
            part = f"{operation.removesuffix('Item')}::builder"
            statement = f'"{operation.removeprefix("PartiQL").upper()} ' # "INSERT INTO ..
            if service == "dynamodb" and not any(use in code for use in (f".{call}()", part, statement)):
                yield f"{role} {sid} grants {action}, which the code never calls"


@rule
def a_function_may_do_its_work_and_nothing_else(stack):
    granted = {
        (role, action, resource)
        for role, _, actions, resources in rights(stack)
        for action in actions
        for resource in resources
        if role != "ScheduleRole"
    }
    needed = set(work(stack))
    yield from (f"{role} lacks {action} on {resource}" for role, action, resource in sorted(needed - granted))
    yield from (f"{role} needs no {action} on {resource}" for role, action, resource in sorted(granted - needed))


# ---- Tables ---------------------------------------------------------------------------------------------------


@rule
def keys_indexes_and_ttl_are_the_codes(stack):
    tables = stack.of("AWS::DynamoDB::Table")
    for name, wanted in tables_in_code().items():
        found = shape(tables.get(name, {}))
        if found != wanted:
            yield f"{name} is {found}, but the code makes and uses {wanted}"


@rule
def what_cannot_be_read_again_is_kept_safe(stack):
    for name, table in stack.of("AWS::DynamoDB::Table").items():
        if table.get("BillingMode") != "PAY_PER_REQUEST" or not table.get("SSESpecification", {}).get("SSEEnabled"):
            yield f"{name} is not on demand and encrypted"
        if name == "IdempotencyTable":
            continue
        safe = table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
        kept = stack.resources[name].get("DeletionPolicy") == "Retain"
        if not (safe and kept and table.get("DeletionProtectionEnabled")):
            yield f"{name} could be lost with the stack, or by one bad write"


# ---- Watching -------------------------------------------------------------------------------------------------


@rule
def an_alarm_watches_something_that_is_there(stack):
    for name, alarm in stack.of("AWS::CloudWatch::Alarm").items():
        dimensions = {d["Name"]: d["Value"] for d in alarm.get("Dimensions", [])}
        yield from watched(stack, name, alarm["Namespace"], alarm["MetricName"], dimensions)


@rule
def a_widget_shows_something_that_is_there(stack):
    for name, dashboard in stack.of("AWS::CloudWatch::Dashboard").items():
        for widget in (as_json(dashboard["DashboardBody"]) or {"widgets": []})["widgets"]:
            for namespace, metric, dimension, value, *_ in widget["properties"]["metrics"]:
                yield from watched(stack, name, namespace, metric, {dimension: value})


@rule
def every_dead_letter_queue_and_function_has_an_alarm(stack):
    watched_things = {
        (alarm["MetricName"], named(d["Value"]))
        for alarm in stack.of("AWS::CloudWatch::Alarm").values()
        for d in alarm["Dimensions"]
    }
    wanted = {("ApproximateNumberOfMessagesVisible", q) for q in stack.of("AWS::SQS::Queue") if q.endswith("Dlq")}
    wanted |= {("ApproximateAgeOfOldestMessage", named(source["EventSourceArn"])) for _, source, _ in sources(stack)}
    wanted |= {("Errors", function) for function in stack.of("AWS::Lambda::Function")}
    for metric, thing in sorted(wanted - watched_things):
        yield f"nobody is told of {metric} of {thing}"


@rule
def an_alarm_reaches_the_topic_if_there_is_one(stack):
    topic = stack.parameters["AlarmTopicArn"]
    for name, alarm in stack.of("AWS::CloudWatch::Alarm").items():
        if alarm.get("AlarmActions", []) != ([topic] if topic else []):
            yield f"{name} does not notify the topic"


# ---- What the rules ask of a stack ----------------------------------------------------------------------------


def sources(stack):
    queues = stack.of("AWS::SQS::Queue")
    for name, source in stack.of("AWS::Lambda::EventSourceMapping").items():
        yield name, source, queues[named(source["EventSourceArn"])]


def schedules(stack):
    for kind in ("AWS::Scheduler::Schedule", "AWS::Events::Rule"):
        for name, schedule in stack.of(kind).items():
            if "ScheduleExpression" in schedule:
                yield name, schedule["ScheduleExpression"]


def targets(stack):
    for name, events in stack.of("AWS::Events::Rule").items():
        for target in events["Targets"]:
            yield name, target


def undelivered(stack):
    for name, target in targets(stack):
        yield name, target.get("DeadLetterConfig", {}).get("Arn")
    for name, schedule in stack.of("AWS::Scheduler::Schedule").items():
        yield name, schedule["Target"].get("DeadLetterConfig", {}).get("Arn")
    for name, config in stack.of("AWS::Lambda::EventInvokeConfig").items():
        yield name, config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")


def role_of(stack, function):
    return named(stack.of("AWS::Lambda::Function")[named(function)]["Role"])


def rights(stack):
    for name, role in stack.of("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement.get("Sid"), listed(statement["Action"]), listed(statement["Resource"])


def may(stack, role, action, resource):
    return any(r == role and action in actions and resource in resources for r, _, actions, resources in rights(stack))


def may_be_left_by_rule(stack, queue, rule_name):
    return any(
        statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "events.amazonaws.com"}
        and statement["Action"] == "sqs:SendMessage"
        and statement["Resource"] == f"<{queue}.Arn>"
        and statement["Condition"] == {"ArnEquals": {"aws:SourceArn": f"<{rule_name}.Arn>"}}
        for policy in stack.of("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
    )


def work(stack):
    """Who must be able to do what, by what the steps do (DESIGN 3). Only fetch queues intents: one path to a write."""
    hints, intents, journal = "<HintsQueue.Arn>", "<IntentsQueue.Arn>", "<JournalTable.Arn>"
    state, idempotency = "<StateTable.Arn>", "<IdempotencyTable.Arn>"
    secret = stack.parameters["SecretArn"] or "<Secret>"
    reads, commits = ("GetItem", "BatchGetItem", "PutItem"), ("GetItem", "BatchGetItem", "PutItem", "DeleteItem")
    consumes = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")
    by_function = {
        "Webhook": [("dynamodb", ("PartiQLInsert", "PartiQLUpdate", "UpdateItem"), idempotency), ("dynamodb", ("GetItem",), state),
                    ("sqs", ("SendMessage",), hints), ("sqs", ("SendMessage",), "<RelayDlq.Arn>")],
        "Fetch": [("dynamodb", (*commits, "UpdateItem"), state), ("dynamodb", ("PutItem",), journal), ("sqs", consumes, hints),
                  ("sqs", ("SendMessage",), hints), ("sqs", ("SendMessage",), intents)],
        "Write": [("dynamodb", commits, state), ("sqs", consumes, intents), ("sqs", ("SendMessage",), hints)],
        "Reconcile": [("dynamodb", (*reads, "Scan"), state), ("dynamodb", ("Query",), f"{state}/index/open"),
                      ("sqs", ("SendMessage",), hints), ("sqs", ("SendMessage",), "<ScheduleDlq.Arn>")],
    }
    for function, needs in by_function.items():
        needs += [("logs", ("CreateLogStream", "PutLogEvents"), f"<{function}LogGroup.Arn>"),
                  ("secretsmanager", ("GetSecretValue",), secret)]
        for service, operations, resource in needs:
            for operation in operations:
                yield f"{function}Role", f"{service}:{operation}", resource


def listed(value):
    return value if isinstance(value, list) else [value]


def watched(stack, name, namespace, metric, dimensions):
    if namespace in DIMENSIONS:
        dimension, kind, attribute = DIMENSIONS[namespace]
        value = dimensions.get(dimension)
        if set(dimensions) != {dimension} or value != f"<{named(value)}{attribute}>" or named(value) not in stack.of(kind):
            yield f"{name} watches {metric} of {dimensions}, which is nothing in this stack"
        return
    for function in stack.of("AWS::Lambda::Function").values():
        given = function["Environment"]["Variables"]
        if namespace != given["POWERTOOLS_METRICS_NAMESPACE"] or dimensions != {"service": given["POWERTOOLS_SERVICE_NAME"]}:
            yield f"{name} watches {namespace}/{metric} {dimensions}, but the functions report elsewhere"
            return
    if f'"{metric}"' not in rust("shared/aws/src", "functions"):
        yield f"{name} watches {metric}, which no code reports"


def shape(table):
    """A table's keys, indexes and TTL, as comparable text."""
    types = {a["AttributeName"]: a["AttributeType"] for a in table.get("AttributeDefinitions", [])}
    indexes = {
        index["IndexName"]: (keys(index, types), index["Projection"]["ProjectionType"])
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    ttl = table.get("TimeToLiveSpecification", {})
    return keys(table, types), indexes, ttl.get("AttributeName") if ttl.get("Enabled") else None


def keys(schema, types):
    by_type = {k["KeyType"]: k["AttributeName"] for k in schema.get("KeySchema", [])}
    names = [by_type[kind] for kind in ("HASH", "RANGE") if kind in by_type]
    return [(name, types.get(name)) for name in names]


def tables_in_code():
    """What `create_tables` makes on one machine, read out of its text."""
    code = (ROOT / "shared/aws/src/dynamo/tables.rs").read_text()
    everything = rust("shared/aws/src/dynamo")
    found = {}
    for variable, body in re.findall(r"let (state|idempotency|journal) = (.*?);\n", code, re.DOTALL):
        key = [(name, "S") for name in re.findall(r'"(\w+)", KeyType::(?:Hash|Range)\)', body)]
        indexes = {
            re.search(rf'const {constant}: &str = "(\w+)"', everything)[1]: ([(partition, "S"), (age, "N")], "KEYS_ONLY")
            for constant, partition, age in re.findall(r'index\(table, (\w+), "(\w+)", "(\w+)"\)', body)
        }
        ttl = re.search(r'const TTL_ATTRIBUTE: &str = "(\w+)"', code)[1]
        runs_out = re.search(rf"for table in \[[^\]]*&tables\.{variable}\b[^\]]*\] \{{\s*set_ttl", code)
        found[f"{variable.capitalize()}Table"] = (key, indexes, ttl if runs_out else None)
    return found
