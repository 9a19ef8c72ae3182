-- Demo tenants: adds those that are missing and answers, as JSON, with what they are like.
--
-- demo.asked holds the wishes as JSON: seed, tenants, days, today (null: the clock's). Nothing is
-- random here: every choice is a slice of a hash (`hash >> 20 & 3` is a number below 4). The first
-- load fixes the range of days and with it what the tenants with a story do when; what the others
-- do on a day depends on seed and day alone.

with asked as (
  select
    a.*,
    least(a.today, (now() at time zone 'UTC')::date) as last_day
  from jsonb_to_record(current_setting('demo.asked')::jsonb)
    as a (seed bigint, tenants integer, days integer, today date)
),

-- Tenant 1 is as old as the data, tenant 2 was a day old when they were first loaded: once stored,
-- they say which range that was.
span as (
  select
    a.seed,
    a.tenants,
    a.last_day,
    r.first_day,
    coalesce((n.created_at at time zone 'UTC')::date + 1, r.first_day + a.days - 1) as first_end
  from asked as a
  left join data.tenants as o on o.id = md5(format('demo %s 1', a.seed))::uuid
  left join data.tenants as n on n.id = md5(format('demo %s 2', a.seed))::uuid
  cross join lateral (
    select coalesce((o.created_at at time zone 'UTC')::date, a.last_day - a.days + 1) as first_day
  ) as r
),

-- What they use in a month, in the units of the plans. Shapes: offices rest at weekends, others
-- never do, some do nearly everything on the first of the month.
declared (number, story, shape, plan_code, sms, minutes, mails, ai, name) as (
  values
  (1, null, 'always', 'agency', 2200, 600, 2800, 600, 'Harborlight Marketing Collective'),
  (2, 'new', 'always', 'starter', 260, 90, 300, 0, 'Juniper Lane Pet Grooming'),
  (3, 'suspended', 'office', 'pro', 420, 160, 700, 60, 'Copperfield Roofing & Gutters'),
  (4, 'quiet', 'office', 'starter', 150, 70, 260, 0, 'Saltmarsh Pool Care'),
  (5, null, 'office', null, 90, 60, 140, 8, 'Windmere Window Cleaning'),
  (6, 'silent', 'office', 'starter', 0, 0, 0, 0, 'Fennel & Finch Catering'),
  (7, null, 'office', 'pro', 380, 240, 620, 45,
    'Thistlewood & Marrowby Heating, Cooling and Refrigeration Co'),
  (8, null, 'office', 'starter', 130, 60, 240, 22, 'Larkspur Nail Studio'),
  (9, null, 'monthly', 'pro', 300, 120, 9400, 20, 'Oakhollow Property Management'),
  (10, null, 'monthly', 'starter', 600, 40, 300, 0, 'Bramble Creek Dental Care'),
  (11, null, 'office', 'starter', 540, 80, 310, 0, 'Bluewhistle Plumbing & Drain'),
  (12, null, 'office', 'starter', 800, 90, 240, 0, 'Silver Comb Hair Salon'),
  (13, null, 'always', 'starter', 1300, 120, 180, 0, 'Nightplover Towing & Recovery'),
  (14, null, 'office', 'starter', 140, 300, 220, 0, 'Pinecrest Locksmiths'),
  (15, null, 'office', 'starter', 110, 400, 190, 0, 'Quillbrook Family Law'),
  (16, null, 'office', 'pro', 420, 180, 520, 600, 'Amberfield Veterinary Clinic'),
  (17, null, 'always', 'pro', 460, 150, 380, 1250, 'Stonewillow Garage Doors'),
  (18, null, 'office', 'pro', 390, 1200, 420, 40, 'Tidewick Title & Escrow'),
  (19, null, 'office', 'pro', 640, 180, 300, 470, 'Meadowlark Landscaping'),
  (20, null, 'always', 'elite', 540, 5600, 500, 210, 'Granite Wren Emergency Plumbing'),
  (21, null, 'office', 'elite', 720, 420, 1400, 310, 'Everbrook Trail Physical Therapy'),
  (22, null, 'office', 'elite', 560, 380, 900, 240, 'Clovermoss Pest Solutions'),
  (23, null, 'always', 'elite', 520, 360, 700, 420, 'Ironfern Restoration Services'),
  (24, null, 'office', 'elite', 410, 290, 1100, 150, 'Kestrel Point Orthodontics'),
  (25, null, 'office', 'agency', 840, 420, 1500, 340, 'Paperlantern Growth Partners'),
  (26, null, 'office', 'pro', 340, 170, 560, 70, 'Sunthimble Solar Installers'),
  (27, null, 'office', 'pro', 310, 140, 480, 55, 'Willowbend Tree Service'),
  (28, null, 'always', 'pro', 280, 190, 350, 110, 'Ravenhurst Security Systems'),
  (29, null, 'office', 'pro', 250, 110, 640, 30, 'Honeythorn Accounting'),
  (30, null, 'office', 'pro', 230, 120, 310, 25, 'Cedar & Slate Flooring'),
  (31, null, 'office', 'pro', 190, 90, 270, 40, 'Moonriver Massage Therapy'),
  (32, null, 'office', 'starter', 160, 50, 210, 0, 'Tumbleweed Carpet Cleaning'),
  (33, null, 'office', 'starter', 120, 60, 160, 0, 'Redfern Appliance Repair'),
  (34, null, 'always', 'starter', 100, 80, 90, 0, 'Foxglove Flower Delivery'),
  (35, null, 'office', 'starter', 90, 40, 130, 0, 'Driftwood Fence & Deck'),
  (36, null, 'office', 'starter', 70, 30, 110, 0, 'Peppermill Kitchen Remodeling'),
  (37, null, 'office', 'starter', 60, 30, 80, 0, 'Snowberry Chimney Sweeps'),
  (38, null, 'office', 'starter', 40, 20, 70, 0, 'Papaya Street Tutoring'),
  (39, null, 'office', 'starter', 30, 20, 40, 0, 'Gullwing Boat Repair'),
  (40, null, 'office', 'starter', 20, 10, 30, 0, 'Two Lanterns Bookkeeping')
),

-- Beyond the declared ones: plans as in a young business, few large among many small (the share
-- has a long tail), names from word lists.
drawn as (
  select
    g.number,
    h.hash,
    md5(format('demo %s %s', s.seed, g.number))::uuid as id,
    p.plan_code,
    p.size * least(6, 0.22 / sqrt((1 + (h.hash >> 8 & 1023)) / 1024.0)) as share
  from span as s
  cross join generate_series(1, s.tenants) as g (number)
  cross join lateral (select hashint8extended(g.number, s.seed) as hash) as h
  inner join (
    values (0, 7, 'starter', 1), (8, 12, 'pro', 3), (13, 14, 'elite', 8), (15, 15, 'agency', 16)
  ) as p (lowest, highest, plan_code, size) on (h.hash & 15) between p.lowest and p.highest
),

tenants as (
  select
    r.number,
    r.id,
    r.hash,
    d.story,
    case when d.number is null then r.plan_code else d.plan_code end as plan_code,
    coalesce(d.shape, case when (r.hash >> 20 & 3) = 0 then 'always' else 'office' end) as shape,
    coalesce(d.sms, r.share * 250) as sms,
    coalesce(d.minutes, r.share * 100) as minutes,
    coalesce(d.mails, r.share * 400) as mails,
    coalesce(d.ai, case when r.plan_code = 'starter' then 0 else r.share * 60 end) as ai,
    coalesce(d.name, concat_ws(' ', w.place, w.trade, r.number)) as name,
    case d.story when 'new' then greatest(s.first_day, s.first_end - 1) else s.first_day end
      as joined_on,
    -- who stopped did so some weeks ago, but not before the first third of a short range
    case when d.story in ('suspended', 'quiet') then greatest(
      s.first_end - case d.story when 'quiet' then 25 else 32 end,
      s.first_day + (s.first_end - s.first_day) / 3
    ) end as stopped_on
  from span as s
  cross join drawn as r
  left join declared as d on d.number = r.number
  cross join lateral (
    select
      (array[
        'Maple Ridge', 'Cobalt', 'Lindenwood', 'Sandpiper', 'Applegate', 'Fernhill', 'Bayberry',
        'Crow''s Nest', 'Heron Lake', 'Marigold', 'Old Mill', 'Prairie Star', 'Riverbend',
        'Sagebrush', 'Tall Pines', 'Wild Plum'
      ])[1 + (r.hash >> 36 & 15)] as place,
      (array[
        'Plumbing', 'Heating & Air', 'Cleaning', 'Dental', 'Hair Salon', 'Legal', 'Towing',
        'Landscaping', 'Roofing', 'Pest Control', 'Electric', 'Veterinary', 'Auto Repair',
        'Movers', 'Painting', 'Insurance'
      ])[1 + (r.hash >> 40 & 15)] as trade
  ) as w
),

new_tenants as (
  insert into data.tenants (id, created_at, status, plan_code, name)
  select
    t.id,
    t.joined_on::timestamp at time zone 'UTC' as created_at,
    case t.story when 'suspended' then 'suspended' else 'active' end::data.tenant_status as status,
    p.code as plan_code,
    t.name
  from tenants as t
  left join data.plans as p on p.code = t.plan_code
  order by t.number
  on conflict do nothing
)

-- From units of a month to rows of an average day: how many of the rows count, and what a row that
-- counts contributes.
select
  s.first_day,
  s.first_end,
  s.last_day,
  jsonb_agg(jsonb_build_object(
    'number', t.number,
    'id', t.id,
    'shape', t.shape,
    'opens_at_hour', 12 + (t.hash >> 24 & 1023) % 3,
    'joined_on', t.joined_on,
    'stopped_on', t.stopped_on,
    'messages', t.sms / 30.0 / 0.71,
    'calls', t.minutes / 30.0 / 3,
    'mails', t.mails / 30.0 / case t.shape when 'monthly' then 30 else 2.2 end,
    'requests', t.ai / 30.0 / 0.93
  )) as tenants
from span as s
cross join tenants as t
group by s.first_day, s.first_end, s.last_day;
